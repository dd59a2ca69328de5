"""The rows of the report as CSV that no spreadsheet runs, and as a message for people."""

import csv
import io

NEVER, UNKNOWN = "never", "unknown"
COLUMNS = (
    "principal", "type", "path", "policies", "actions", "services", "denied", "scoped_role", "boundary",
    "boundary_allows", "access_keys", "api_keys", "project", "team", "last_used", "region", "days_since",
    "last_action", "note",
)
WORST = 10


def as_csv(rows):
    written = io.StringIO()
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)
    table.writerows([safe(row[name]) for name in COLUMNS] for row in rows)
    return written.getvalue().encode()


def safe(cell):
    """The cell as text that no spreadsheet takes for a formula: tags and names are anybody's text.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = str(cell).replace("\0", "")
    return "'" + text if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else text


def is_free(row):
    """Whether somebody holds Bedrock permissions outside a scoped role, and no policy read here takes them away."""
    return row["scoped_role"] == "no" and row["denied"] == "no" and row["boundary_allows"] != "no"


def severity(row):
    """Sort: who is free and does not need it comes first; a user before a role, wide before narrow, long unused first."""
    wide = row["actions"].startswith("all but ") or bool({"*", "bedrock:*"} & set(row["actions"].split()))
    days = row["days_since"] if row["days_since"] != "" else 10**6 if row["last_used"] == NEVER else -1
    return (not is_free(row), row["type"] != "user", not wide, -days, row["principal"])


def summary(rows, place, unused_days):
    """The subject and text of what the topic is told."""
    free = [row for row in rows if is_free(row)]
    unused = [row for row in rows if row["last_used"] == NEVER or (row["days_since"] or 0) >= unused_days]
    unknown = [row for row in rows if row["last_used"] == UNKNOWN]
    counts = {
        "hold Bedrock permissions": len(rows),
        "of them scoped roles of this library": sum(row["scoped_role"] == "yes" for row in rows),
        "of them outside a scoped role, and not denied": len(free),
        "of them IAM users": sum(row["type"] == "user" for row in rows),
        "of them users with a Bedrock API key": sum(bool(row["api_keys"]) for row in rows),
        f"have not used them for {unused_days} days, or never": len(unused),
        "last use could not be read": len(unknown),
    }
    lines = [f"{count:6}  {what}" for what, count in counts.items()]
    if free:
        lines += ["", "Look at these first: no scoped role holds them, and the wider and longer unused come first."]
        lines += [f"- {row['principal']}: {row['actions'][:100]}; last used {since(row)}" for row in free[:WORST]]
    lines += ["", "The root user is in no list, and holds everything.", f"Report: {place}"]
    state = "INCOMPLETE " if unknown else ""
    subject = f"{state}Bedrock access: {len(rows)} principals, {len(free)} unscoped, {len(unused)} unused"
    # SNS takes 256 KB: ten principals and a hundred characters of each one's actions are far less.
    return subject[:100], "\n".join(lines)


def since(row):
    if row["days_since"] == "":
        return row["last_used"]
    return f"{row['days_since']} days ago in {row['region'] or 'a Region not named'}"
