"""happybase over each protocol and transport: create, put, get, scan, filter, batch, delete and drop.

Arguments: HTTP port, Thrift port; over TLS with SCHEME=https, as docs/http/thrift.md says how."""
import os
import sys

import happybase
import happybase.connection
from thriftpy2.transport import TSSLSocket

if os.environ.get("SCHEME") == "https":
    happybase.connection.TSocket = lambda host, port, socket_timeout: TSSLSocket(
        host, port, socket_timeout=socket_timeout, cafile=os.environ["SSL_CERT_FILE"])


def use(protocol, transport):
    connection = happybase.Connection("127.0.0.1", int(sys.argv[2]), protocol=protocol, transport=transport)
    name = b"happy_" + protocol.encode() + transport.encode()
    connection.create_table(name, {"cf1": {"max_versions": 5}, "cf2": {}, "cf3": {"time_to_live": 600}})
    try:
        connection.create_table(name, {"cf1": {}})
        raise AssertionError("a table was made twice")
    except happybase.hbase.ttypes.AlreadyExists if hasattr(happybase, "hbase") else Exception as error:
        assert "AlreadyExists" in type(error).__name__, error
    assert name in connection.tables()
    table = connection.table(name)
    families = table.families()
    assert set(families) == {b"cf1", b"cf2", b"cf3"}, families
    assert families[b"cf1"]["max_versions"] == 5 and families[b"cf3"]["time_to_live"] == 600
    assert len(table.regions()) == 1

    table.put(b"r1", {b"cf1:a": b"1", b"cf2:b": b"\x00\xff"})
    assert table.row(b"r1") == {b"cf1:a": b"1", b"cf2:b": b"\x00\xff"}
    assert table.row(b"r1", [b"cf2"]) == {b"cf2:b": b"\x00\xff"}
    assert table.row(b"none") == {}
    for stamp in (1000, 2000, 3000):
        table.put(b"r2", {b"cf1:v": str(stamp).encode()}, timestamp=stamp)
    assert table.cells(b"r2", b"cf1:v", versions=2) == [b"3000", b"2000"]
    assert table.cells(b"r2", b"cf1:v", timestamp=3000, versions=5) == [b"2000", b"1000"]
    assert table.row(b"r2", timestamp=2000) == {b"cf1:v": b"1000"}
    assert table.row(b"r2", include_timestamp=True) == {b"cf1:v": (b"3000", 3000)}

    with table.batch(batch_size=100) as batch:
        for number in range(1000):
            batch.put(b"many%04d" % number, {b"cf1:n": b"%d" % number})
    assert [key for key, _ in table.rows([b"many0001", b"gone", b"many0999"])] == [b"many0001", b"many0999"]
    assert len(list(table.scan(row_prefix=b"many", batch_size=7))) == 1000
    assert len(list(table.scan(row_prefix=b"many", limit=15))) == 15
    keys = [key for key, _ in table.scan(row_start=b"many0100", row_stop=b"many0103")]
    assert keys == [b"many0100", b"many0101", b"many0102"], keys
    found = list(table.scan(filter="RowFilter(=, 'regexstring:^many00') AND ValueFilter(=, 'substring:7')"))
    assert len(found) == 19, len(found)
    keys = [key for key, _ in table.scan(row_start=b"many0003", row_stop=b"many0000", reverse=True)]
    assert keys == [b"many0003", b"many0002", b"many0001"], keys
    ordered = next(iter(table.scan(row_start=b"r1", sorted_columns=True, limit=1)))
    assert list(ordered[1]) == [b"cf1:a", b"cf2:b"]
    try:
        list(table.scan(filter="NoSuchFilter ()"))
        raise AssertionError("a wrong filter passed")
    except Exception as error:
        assert "NoSuchFilter" in str(error), error

    assert table.counter_get(b"c", b"cf1:n") == 0
    assert table.counter_inc(b"c", b"cf1:n") == 1
    assert table.counter_inc(b"c", b"cf1:n", 10) == 11
    assert table.counter_dec(b"c", b"cf1:n", 1) == 10
    table.counter_set(b"c", b"cf1:n", 5)
    assert table.counter_get(b"c", b"cf1:n") == 5

    table.delete(b"r1", [b"cf2:b"])
    assert table.row(b"r1") == {b"cf1:a": b"1"}
    table.delete(b"r1")
    assert table.row(b"r1") == {}
    assert connection.is_table_enabled(name)
    try:
        connection.delete_table(name)
        raise AssertionError("an enabled table was dropped")
    except Exception as error:
        assert "enabled" in str(error), error
    connection.delete_table(name, disable=True)
    assert name not in connection.tables()
    connection.close()


for protocol in ("binary", "compact"):
    for transport in ("buffered", "framed"):
        use(protocol, transport)
pool = happybase.ConnectionPool(3, host="127.0.0.1", port=int(sys.argv[2]))
with pool.connection() as connection:
    connection.tables()
