"""starbase: create, put, get, scan, batch, delete and drop. Arguments: HTTP port, Thrift port."""
import os
import sys

from starbase import Connection

connection = Connection(
    host="127.0.0.1", port=int(sys.argv[1]), secure=os.environ.get("SCHEME") == "https")
table = connection.table("starbase_table")
if table.exists():
    table.drop()
assert table.create("one", "two") == 201
assert table.exists()
assert "starbase_table" in connection.tables()
assert sorted(table.columns()) == ["one", "two"]
assert table.insert("row1", {"one": {"a": "1", "b": "2"}, "two": {"c": "3"}}) == 200
assert table.fetch("row1") == {"one": {"a": "1", "b": "2"}, "two": {"c": "3"}}
assert table.fetch("row1", ["one"]) == {"one": {"a": "1", "b": "2"}}
assert table.fetch("row1", {"one": ["b"]}) == {"one": {"b": "2"}}
assert table.fetch("none") is None
assert table.update("row1", {"two": {"c": "4"}}) == 200
assert table.fetch("row1", ["two"]) == {"two": {"c": "4"}}
batch = table.batch()
for number in range(50):
    batch.insert(f"many{number:02}", {"one": {"n": str(number)}})
batch.commit(finalize=True)
rows = list(table.fetch_all_rows(with_row_id=True))
assert len(rows) == 51, len(rows)
assert {"many07": {"one": {"n": "7"}}} in rows
filtered = list(table.fetch_all_rows(
    with_row_id=True, filter_string='{"type": "RowFilter", "op": "EQUAL", "comparator":'
    ' {"type": "RegexStringComparator", "value": "^many0"}}'))
assert len(filtered) == 10, filtered
assert table.remove("row1", "one", "a") == 200
assert table.fetch("row1", ["one"]) == {"one": {"b": "2"}}
assert table.remove("row1") == 200
assert table.fetch("row1") is None
assert table.add_columns("three") == 200
assert "three" in table.columns()
assert table.drop() == 200
assert not table.exists()
