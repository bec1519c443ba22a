# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict fake of Milvus 2.4 to 3.0: gRPC with pymilvus' own stubs and the REST v2 routes of imports, on one port.

It holds what a server holds, writes binlogs into an object storage when it flushes, and runs an import by reading the
binlogs that it is given: what count(*) and queries answer comes from rows that were really read. A profile makes it one
server line with that line's traps. What the line would not take is refused with its kind of error, and what the
collection has no reason to send is refused too.

Sources: what is known of each line from its code. Nothing here was compared with a real server of those lines.
"""
