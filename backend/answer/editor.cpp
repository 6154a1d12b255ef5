// SPDX-License-Identifier: MIT
#include "backend/answer/editor.h"

namespace sdns::answer {

void apply_change(protocol::ChangeDomainKey::What what, zone::Key& key) {
  using What = protocol::ChangeDomainKey::What;
  switch (what) {
    case What::kRemove:
      return;
    case What::kActivate:
    case What::kDeactivate:
      key.active = what == What::kActivate;
      return;
    case What::kPublish:
    case What::kUnpublish:
      key.published = what == What::kPublish;
      return;
  }
}

}  // namespace sdns::answer
