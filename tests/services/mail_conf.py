"""The configuration of the private Postfix; `mail` fills it in."""

from __future__ import annotations

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.example
mydestination = mail.example
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
smtputf8_enable = yes
recipient_delimiter = +
# nothing is ever delivered
default_transport = discard:
local_transport = discard:
relay_transport = discard:
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_sender_access {sender_map}, permit
"""

# one smtpd: a second one that starts late would open the map while a test takes it away, and answer 451 ever after
MASTER_CF = """\
127.0.0.1:{port} inet n - n - 1 smtpd
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
anvil      unix  - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
"""
