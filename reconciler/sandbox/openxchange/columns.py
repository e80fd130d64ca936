"""The names of the CSV columns of listuser and what a missing value looks like in each (`facts/open-xchange.md` 2.3).

Real columns come from Java reflection, so their order means nothing. `listing.py` shuffles them; `attributes.py` makes
options of them, because the tools do (3.1).
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_STRINGS = _words("""
Name Display_name Given_name Sur_name PrimaryEmail Email1 Email2 Email3 Aliases DefaultSenderAddress ImapLogin
ImapServer SmtpServer Language Timezone PasswordMech Password Filestore_name UserAttributes GuiPreferences
PrimaryAccountName
Mail_folder_drafts_name Mail_folder_sent_name Mail_folder_spam_name Mail_folder_trash_name
Mail_folder_confirmed_spam_name Mail_folder_confirmed_ham_name Mail_folder_archive_full_name
Department Company Note Title Position Profession Assistant_name Spouse_name Marital_status Number_of_children
Number_of_employee Manager_name Nickname Middle_name Suffix Room_number Employee_type Branches Business_category
Categories Commercial_register Info Sales_volume Tax_id Url Instant_messenger1 Instant_messenger2
Street_home Street_business Street_other Postal_code_home Postal_code_business Postal_code_other
City_home City_business City_other State_home State_business State_other
Country_home Country_business Country_other
Telephone_assistant Telephone_business1 Telephone_business2 Telephone_callback Telephone_car Telephone_company
Telephone_home1 Telephone_home2 Telephone_ip Telephone_isdn Telephone_other Telephone_pager Telephone_primary
Telephone_radio Telephone_telex Telephone_ttytdd Fax_business Fax_home Fax_other Cellular_telephone1
Cellular_telephone2
""")

NUMBERS = frozenset(
    _words("""
Id MaxQuota UsedQuota FilestoreId FilestoreOwner FolderTree ImapPort SmtpPort UploadFileSizeLimit
UploadFileSizeLimitPerFile Default_group
""")
)
"""A missing one prints the quoted word `"null"`; a missing string prints nothing at all."""

BOOLEANS = frozenset({"Mailenabled", "Password_expired", "GUI_Spam_filter_capabilities_enabled"})
DATES = frozenset({"Birthday", "Anniversary"})
_USERFIELDS = tuple(f"Userfield{position:02d}" for position in range(1, 21))
_SINCE_MID = frozenset({"PrimaryAccountName"})

COLUMNS = (*_STRINGS, *_USERFIELDS, *sorted(NUMBERS), *sorted(BOOLEANS), *sorted(DATES))

_ACCESS = _words("""
access-calendar access-contacts access-delegate-tasks access-edit-public-folder access-ical access-infostore
access-read-create-shared-Folders access-syncml access-tasks access-vcard access-webdav access-webdav-xml
access-webmail access-edit-group access-edit-resource access-edit-password access-collect-email-addresses
access-multiple-mail-accounts access-subscription access-publication access-active-sync access-usm access-olox20
access-denied-portal access-global-address-book-disabled access-public-folder-editable
""")
_ACCESS_OLD = ("access-forum", "access-pinboard-write", "access-projects", "access-rss-bookmarks", "access-rss-portal")
_BEFORE_OLD = _ACCESS.index("access-syncml")


def columns(version: str) -> tuple[str, ...]:
    """The reflected columns of a release, in no meaningful order."""
    return tuple(name for name in COLUMNS if version != "OLD" or name not in _SINCE_MID)


def access_columns(version: str) -> tuple[str, ...]:
    """The module access columns of a release, in their fixed order; 7.4 and 7.6 had five more in between (2.3)."""
    if version == "OLD":
        return (*_ACCESS[:_BEFORE_OLD], *_ACCESS_OLD, *_ACCESS[_BEFORE_OLD:])
    return _ACCESS


def null(column: str) -> str:
    """What stands between two commas for a value that is missing (2.3)."""
    return '"null"' if column in NUMBERS else ""
