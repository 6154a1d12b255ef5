// SPDX-License-Identifier: MIT
// Questions that several commands ask about a zone in the database.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backend/store/authority.h"
#include "backend/store/serial_policy.h"
#include "backend/store/signing.h"
#include "backend/zone/zone_check.h"

namespace sdns::ctl {

/// Errors: kNotFound, whose hint names the zone that contains the name.
Result<store::ZoneRow> find_zone(store::Transaction& transaction, const dns::Name& apex);

using store::made_by_signing;
using store::metadata_value;
using store::Signing;
using store::signing_of;
using store::soa_serial;
using store::with_soa_serial;

nlohmann::json to_json(const store::StoredRecord& record);
nlohmann::json to_json(const std::vector<zone::Finding>& findings);
bool has_errors(const std::vector<zone::Finding>& findings);
/// "error: where: what" and "warning: where: what", one a line.
void print_findings(std::ostream& out, const std::vector<zone::Finding>& findings);

/// "1 record", "2 records".
std::string count_text(std::size_t count, std::string_view noun);

}  // namespace sdns::ctl
