# SPDX-License-Identifier: MIT
# Writes OUTPUT, a C++ file with the text of INPUT: the program carries its description with it.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "// SPDX-License-Identifier: MIT\n#include \"pdm/openapi.h\"\n\nnamespace sdns::pdm {\n\nstd::string_view openapi_text() {\n  static constexpr std::string_view text = R\"__yaml__(${text})__yaml__\";\n  return text;\n}\n\n}  // namespace sdns::pdm\n")
