# SPDX-License-Identifier: MIT
"""Faults in explanations of answers and in checks of LUA records."""
from fault import Fault

EXPLAINER, REQUEST, CTL, INSPECT = "unit:answer_explainer_test", "unit:daemon_explain_test", "unit:ctl_test", "unit:lua_inspect_test"

EXPLAIN_FAULTS = (
    Fault("assumptions_are_not_read", "what is assumed of targets changes nothing", "backend/answer/explainer.cpp",
          "  cell_.publish(table);\n", "", EXPLAINER),
    Fault("unmatched_target_is_silent", "a target that no check has is taken", "backend/answer/explainer.cpp",
          "if (applied.checks.empty() && assumption", "if (false && assumption", EXPLAINER),
    Fault("wildcard_is_not_asked", "a wildcard that PowerDNS asks for by itself has no answer", "backend/answer/explainer.cpp",
          "  ask(owner_text(zone, out.located.at), out);\n", "  (void)zone;\n", EXPLAINER),
    Fault("explained_name_is_anyones", "an answer by the name asked is said to be for all names", "backend/answer/explainer.cpp",
          "words = evidence.query_name ? ", "words = false ? ", EXPLAINER),
    Fault("steps_of_another_record", "a record that does not compile shows the steps of the one before", "lua/runtime.cpp",
          "  impl.steps = 0;\n", "", EXPLAINER),
    Fault("dname_is_not_seen", "a name below a DNAME is answered by a wildcard", "backend/answer/located.cpp",
          "} else if (find_dname(zone, relative, located)) {", "} else if (false && find_dname(zone, relative, located)) {", EXPLAINER),
    Fault("host_bits_stay", "a client subnet keeps its host bits", "backend/daemon/explain.cpp",
          "client.ecs = dns::IpNetwork{who->network(), who->bits};", "client.ecs = *who;", REQUEST),
    Fault("first_equals_divides", "a URL with a query is no target", "backend/daemon/explain.cpp", "line.rfind('=')", "line.find('=')", REQUEST),
    Fault("question_is_not_encoded", "a target with a & is cut", "backend/ctl/query_text.cpp",
          "else query += fmt::format(\"%{:02X}\", static_cast<unsigned char>(c));", "else query += c;", CTL),
    Fault("strict_is_not", "--strict changes nothing", "backend/ctl/lua_commands.cpp", "(warnings == 0 || !options.strict)", "true", CTL),
    Fault("down_is_up", "records are run with everything up alone", "backend/ctl/lua_check.cpp",
          "auto down = zone_.ask(name, health::Verdict::kDown);", "auto down = zone_.ask(name, health::Verdict::kUp);", CTL),
    Fault("some_clients_are_all", "a failure for one client is an error for all", "backend/ctl/lua_check.cpp",
          "if (!up.failure.empty() && up.evidence.client)", "if (false)", CTL),
    Fault("libraries_export_nothing", "names of a library are unknown to who includes it", "backend/ctl/lua_lint.cpp",
          "std::set<std::string> set = context.exported;", "std::set<std::string> set;", CTL),
    Fault("places_are_cached", "a record by place is said to be for everybody", "backend/ctl/lua_check.cpp",
          "        if (*run) (*run)->cache.clear();\n", "        (void)run;\n", CTL),
    Fault("functions_inside_are_not_read", "what a function inside does is not seen", "lua/inspect.cpp",
          "if type(constant) == 'proto' then", "if false then", INSPECT),
)
