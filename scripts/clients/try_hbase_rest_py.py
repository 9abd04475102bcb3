"""hbase-rest-py: create, put, bulk, get, scan, filter, delete and drop. Arguments: HTTP port, Thrift port."""
import json
import os
import sys

from hbase.admin import HBaseAdmin
from hbase.delete import Delete
from hbase.get import Get
from hbase.put import Put
from hbase.rest_client import HBaseRESTClient
from hbase.scan import Scan
from hbase.scan_filter_helper import build_base_scanner, build_prefix_filter, build_single_column_value_filter

client = HBaseRESTClient([f"{os.environ.get('SCHEME', 'http')}://127.0.0.1:{sys.argv[1]}"])
admin = HBaseAdmin(client)
assert json.loads(admin.cluster_version())["Version"]
assert "LiveNodes" in json.loads(admin.cluster_status())
assert admin.namespace_create("restpy") == ""
assert "restpy" in json.loads(admin.namespaces())["Namespace"]
name = "restpy:table"
assert admin.table_create_or_update(name, [{"name": "one", "VERSIONS": "5"}, {"name": "two"}]) == ""
assert json.loads(admin.tables("restpy")) == {"table": [{"name": "table"}]}
assert [c["name"] for c in json.loads(admin.table_schema(name))["ColumnSchema"]] == ["one", "two"]
assert len(json.loads(admin.table_regions(name))["Region"]) == 1

put, get, delete = Put(client), Get(client), Delete(client)
assert put.put(name, "r", {"one:a": "1", "two:b": 7}) == ""
row = get.get(name, "r")["row"][0]
assert row["key"] == b"r" and [(c["column"], c["$"]) for c in row["cell"]] == [
    (b"one:a", b"1"), (b"two:b", b"\0\0\0\0\0\0\0\7")]
for stamp in (10, 20, 30):
    assert put.put(name, "v", {"one:a": str(stamp)}, timestamp=stamp) == ""
cells = get.get(name, "v", "one:a", number_of_versions=2)["row"][0]["cell"]
assert [c["timestamp"] for c in cells] == [30, 20]
assert get.get(name, "v", "one:a", timestamp=20)["row"][0]["cell"][0]["$"] == b"20"
assert get.get(name, "none")["status_code"] == 404
assert put.bulk(name, [(f"many{n:03}", {"one:n": str(n)}) for n in range(100)]) == ""


def scan(payload):
    scanner, rows = Scan(client), []
    while True:
        more, result = scanner.scan(name, payload)
        if not more:
            return rows
        rows += result["row"]


assert len(scan(build_base_scanner(batch=7, startRow="many", endRow="many050"))) == 50
assert len(scan(build_prefix_filter("many00"))) == 10
found = scan(build_single_column_value_filter("one", "n", "42", "EQUAL"))
assert b"many042" in [row["key"] for row in found]

assert delete.delete(name, "r", "one:a") == ""
assert [c["column"] for c in get.get(name, "r")["row"][0]["cell"]] == [b"two:b"]
assert delete.delete(name, "r") == ""
assert get.get(name, "r")["status_code"] == 404
assert admin.namespace_delete("restpy")["status_code"] == 503
assert admin.table_delete(name) == ""
assert admin.namespace_delete("restpy") == ""
