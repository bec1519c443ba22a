#!/usr/bin/env bash
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo: two real Milvus servers on one real S3 start here, a collection moves from one to the other, all stops again.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/../.." && pwd)
lab=$checkout/.cache/demo
inventory=$lab/inventory.yml
export ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_INVENTORY_UNPARSED_WARNING=0

step() { printf '\n== %s\n' "$*"; }

stop_lab() {
    step 'Stop the servers and remove their data'
    ansible-playbook vectorops.milvus.lab -e milvus_lab_state=stop -e milvus_lab_wipe=true \
        -e "milvus_lab_directory=$lab" > "$checkout/.cache/demo-stop.log" ||
        { cat "$checkout/.cache/demo-stop.log"; return 1; }
}

step 'Start one S3 and two Milvus servers on loopback (the first time they are unpacked, which takes longer)'
mkdir -p "$checkout/.cache"
trap stop_lab EXIT
ansible-playbook vectorops.milvus.lab -e milvus_lab_state=start -e "milvus_lab_directory=$lab" \
    -e "milvus_lab_inventory_path=$inventory"

step 'Fill the collection coll on milvus_a'
python "$checkout/tests/tools/fill_demo.py" "$inventory"

cd "$checkout/examples/project"
migration=(-i "$inventory" -e milvus_migrate_source=milvus_a -e milvus_migrate_target=milvus_b
    -e milvus_migrate_collections=coll -e milvus_migrate_backup_name=my_backup -e milvus_migrate_suffix=_bak)

step 'Plan: ansible-playbook migrate.yml --check --diff'
ansible-playbook migrate.yml --check --diff "${migration[@]}"

step 'Migrate: ansible-playbook migrate.yml'
ansible-playbook migrate.yml "${migration[@]}" | tee "$lab/migrate.log"

step 'Compare both sides row by row: ansible-playbook verify.yml'
ansible-playbook verify.yml "${migration[@]}" | tee "$lab/verify.log"

step 'Migrate again: nothing changes'
ansible-playbook migrate.yml "${migration[@]}" | tee "$lab/again.log" | grep -A 1 'PLAY RECAP'

step 'Result'
messages() { sed -n 's/^ *"\(.*\)",\{0,1\}$/\1/p' "$1"; } # the lines of debug tasks
messages "$lab/migrate.log" | tail -n 2
messages "$lab/verify.log" | tail -n 1
grep -q 'changed=0 .*failed=0' "$lab/again.log" && echo 'the second run changed nothing'
