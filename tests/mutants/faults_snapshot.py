# SPDX-License-Identifier: MIT
"""Faults in the snapshot file, in what a start makes of it, and in the sealing of secrets."""
from fault import Fault

FILE, KEEPER, SEAL = "unit:store_snapshot_test", "unit:daemon_snapshot_keeper_test", "unit:store_seal_test"

SNAPSHOT_FAULTS = (
    Fault("blocks_of_any_place", "a block's checksum does not say which file it is of", "backend/store/snapshot_blocks.cpp",
          "return file_header_ + header.octets();", "return header.octets();", FILE),
    Fault("truncation_between_blocks", "a file that ends between two blocks is whole", "backend/store/snapshot_file.cpp",
          "(block.header.kind == BlockKind::kEnd) != (at == facts_.octets))", "false)", FILE),
    Fault("anybodys_file", "a file that others may write is answered from", "backend/store/snapshot_file.cpp",
          "(status.st_mode & (S_IWGRP | S_IWOTH)) != 0)", "false)", FILE),
    Fault("draft_stays", "a write that fails leaves its draft on the disk", "backend/store/snapshot_write.cpp",
          "    if (file_) ::unlink(path_.c_str());\n", "", FILE),
    Fault("snapshot_without_hashes", "a zone of the file has no NSEC3 chain", "backend/zone/zone_edit.cpp",
          "  editor.owners_ = std::move(ordered).build();\n  editor.rebuild_hashes();\n", "  editor.owners_ = std::move(ordered).build();\n", FILE),
    Fault("plain_snapshot", "the file is not sealed although there is a key file", "backend/store/snapshot_write.cpp",
          "    key = &(*keys)->first();\n", "", FILE),
    Fault("foreign_snapshot", "a file of another database is served", "backend/daemon/snapshot_keeper.cpp",
          "if (!database_id.empty() && facts->database_id != database_id)", "if (false)", KEEPER),
    Fault("back_and_forth", "an old file is served before what the database has by now", "backend/daemon/publisher.cpp",
          "        set = std::move(applied->set);\n        compared = true;\n", "        compared = true;\n", KEEPER),
    Fault("kept_state_is_young", "the age of what is served begins anew with each start", "backend/daemon/publisher.cpp",
          "compared ? milliseconds(0) : kept->age", "milliseconds(0)", KEEPER),
    Fault("no_last_write", "a stop leaves a file that lacks the last changes", "backend/daemon/snapshot_keeper.cpp",
          "  if (!set || !lacks(*set, view)) return;\n  const SteadyTime end", "  return;\n  const SteadyTime end", KEEPER),
    Fault("interval_while_away", "without the database the file lags for the interval", "backend/daemon/snapshot_keeper.cpp",
          "const bool away = view.database != DatabaseState::kUp;", "const bool away = false;", KEEPER),
    Fault("secret_of_any_row", "a sealed secret opens in another row", "backend/store/key_file.cpp",
          'return fmt::format("cryptokey {} {}", zone, key);', 'return fmt::format("cryptokey {}", zone);', SEAL),
    Fault("plain_beside_sealed", "a program without a key file stores secrets in a database that is sealed", "backend/store/edit.cpp",
          "if (*required && !db_.key_file().configured())", "if (false)", SEAL),
    Fault("readable_key_file", "a key file that everybody may read is taken", "backend/store/key_file.cpp",
          "if ((facts.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)", "if ((facts.st_mode & (S_IWOTH | S_IWGRP)) != 0)", SEAL),
    Fault("log_of_plain_secrets", "the write-ahead log keeps what was sealed", "backend/store/sqlite.cpp",
          'query("PRAGMA wal_checkpoint(TRUNCATE)", {})', 'query("PRAGMA wal_checkpoint(PASSIVE)", {})', SEAL),
)
