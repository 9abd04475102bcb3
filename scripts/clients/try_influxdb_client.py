"""influxdb-client (version 2 of the API): write points one by one, in batches and with gzip. Arguments: HTTP port."""
import json
import os
import sys
import urllib.parse
import urllib.request

from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

port = int(sys.argv[1])
base = f"{os.environ.get('SCHEME', 'http')}://127.0.0.1:{port}"
urllib.request.urlopen(urllib.request.Request(
    base + "/v1/tables/bucket", method="PUT", data=b'{"families": ["f"]}')).read()


def row(key):
    return json.load(urllib.request.urlopen(
        f"{base}/v1/tables/bucket/rows/{urllib.parse.quote(key, safe='')}"))


for gzip in [False, True]:
    with InfluxDBClient(url=base, token="any", org="any", enable_gzip=gzip, ssl_ca_cert=os.environ.get("SSL_CERT_FILE")) as client:
        assert client.ping()
        with client.write_api(write_options=SYNCHRONOUS) as writer:
            point = Point("m").tag("gzip", gzip).field("v", 1.5).time(7, WritePrecision.S)
            writer.write("bucket", record=point)
            assert row(f"m,gzip={gzip} 0000000007000000000") == {"f:v": "1.5"}
            try:
                writer.write("bucket", record="m v=")
                sys.exit("a wrong line was taken")
            except ApiException as error:
                assert error.status == 400 and "line 1" in error.body, error
        with client.write_api() as writer:
            writer.write("bucket", record=(
                Point("many").tag("gzip", gzip).field("n", n).time(n + 1, WritePrecision.MS)
                for n in range(5000)))
        assert row(f"many,gzip={gzip} 0000000005000000000") == {"f:n": "4999"}
