"""influxdb (version 1 of the API): create a database, write points in batches and with gzip. Arguments: HTTP port."""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError

port = int(sys.argv[1])


def row(key):
    url = f"http://127.0.0.1:{port}/v1/tables/influx/rows/{urllib.parse.quote(key, safe='')}"
    return json.load(urllib.request.urlopen(url))


for gzip in [False, True]:
    client = InfluxDBClient("127.0.0.1", port, database="influx", gzip=gzip)
    assert client.ping()
    client.create_database("influx")
    points = [{"measurement": "cpu", "tags": {"host": f"h {n % 3}", "gzip": str(gzip)},
               "time": 1_700_000_000 + n, "fields": {"load": n / 2, "n": n, "up": True, "note": 'a "b"'}}
              for n in range(5000)]
    assert client.write_points(points, time_precision="s", batch_size=1000)
    assert row(f"cpu,gzip={gzip},host=h\\ 1 1700000004000000000") == {
        "f:load": "2.0", "f:n": "4", "f:note": 'a "b"', "f:up": "true"}
    assert client.write_points(["line v=1 5"], protocol="line", time_precision="ms")
    assert row("line 0000000000005000000") == {"f:v": "1"}
    try:
        client.write_points(["line v=1 6\nline v=oops 7"], protocol="line")
        sys.exit("a wrong line was taken")
    except InfluxDBClientError as error:
        assert error.code == 400 and "line 2" in str(error), error
    try:
        InfluxDBClient("127.0.0.1", port, database="none").write_points(points[:1])
        sys.exit("a database that is not there was taken")
    except InfluxDBClientError as error:
        assert error.code == 404 and "database not found" in str(error), error
