import Foundation
import Siltstone
import Testing

@testable import SiltstoneServer

@Suite struct SettingsTests {
    private func faults(
        _ file: String, environment: [String: String] = [:], flags: [String: String] = [:]
    ) -> [String] {
        do {
            _ = try ServerSettings.read(
                file: ("silt.yaml", file), environment: environment, flags: flags)
            return []
        } catch {
            return error.lines
        }
    }

    @Test("flags come before the environment, that before the file, that before the defaults")
    func precedence() throws {
        let file = """
            # of the file
            listen: 127.0.0.1:1
            threads: 3
            idle_seconds: 7
            read_only: true
            body_bytes: "2 MiB"
            """
        let settings = try ServerSettings.read(
            file: ("silt.yaml", file),
            environment: [
                "SILT_LISTEN": "127.0.0.1:2", "SILT_THREADS": "4", "SILT_CSRF": "true",
                "SILT_THRIFT_LISTEN": "127.0.0.1:9090", "SILT_UNKNOWN": "x", "PATH": "/bin",
            ],
            flags: ["listen": "127.0.0.1:3"])
        #expect(settings.server.port == 3 && settings.server.threadCount == 4)
        #expect(settings.server.idleSeconds == 7 && settings.server.drainSeconds == 5)
        #expect(settings.server.isReadOnly && settings.server.requiresBrowserHeader)
        #expect(settings.server.bodyBytesMax == 2 << 20 && settings.server.thriftPort == 9090)
        #expect(settings.database.cacheBytes == 256 << 20 && settings.data == "silt-data")
        let defaults = try ServerSettings.read(file: nil, environment: [:], flags: [:])
        #expect(defaults.server.port == 8080 && defaults.accessLog == nil)
        #expect(
            try ServerSettings.read(file: ("f", "# x\n\n"), environment: [:], flags: [:]).data
                == "silt-data")
    }

    @Test("everything wrong is told at once, with its place")
    func places() {
        let file = """
            threads: many
            colour: blue
            data: [a, b]
              
            read_only: yes
            cache_bytes: 12 parsecs
            memory: 1MiB
            """
        #expect(
            faults(file, environment: ["SILT_SCANNERS": "-1"], flags: ["listen": "nowhere"]) == [
                "silt.yaml:2:1: no such setting name=colour",
                "silt.yaml:3:7: data is one value",
                "--listen: listen is HOST:PORT, not 'nowhere'",
                "silt.yaml:5:12: read_only is true or false, not 'yes'",
                "silt.yaml:7:9: memory is at least 16MiB, not '1MiB'",
                "silt.yaml:6:14: cache_bytes is a number of bytes such as 65536 or 64KiB, not '12 parsecs'",
                "silt.yaml:1:10: threads is a number from 1 to 1024, not 'many'",
                "SILT_SCANNERS: scanners is a number from 1 to 10000000, not '-1'",
            ])
        #expect(faults("a: [").first?.hasPrefix("silt.yaml:") == true)
        #expect(faults("- a") == ["silt.yaml:1:1: the file is no list of names and values"])
        #expect(
            faults("listen: 127.0.0.1:1\nthrift_listen: 127.0.0.2:1") == [
                "silt.yaml:2:16: thrift_listen has the host of listen"
            ])
    }

    @Test("a secret is what its file holds, when that is long enough")
    func secrets() throws {
        let files: [String: [UInt8]] = [
            "good": Array("0123456789abcdef0123456789abcdef\n".utf8), "short": [1, 2, 3],
        ]
        func read(_ name: String) throws -> ServerSettings {
            try ServerSettings.read(
                file: nil, environment: ["SILT_JWT_SECRET": name], flags: [:],
                contents: { files[$0] })
        }
        #expect(try read("good").server.webTokenSecret?.count == 32)
        for name in ["short", "missing"] {
            #expect(throws: SettingFaults.self) { try read(name) }
        }
    }

    @Test("an address beyond loopback is a fault of the settings, unless that is wanted")
    func exposure() {
        let found = faults("listen: 0.0.0.0:80")
        #expect(found.count == 1 && found[0].hasPrefix("silt.yaml:1:9: refusing to listen"))
        #expect(faults("listen: 0.0.0.0:80\ninsecure: true").isEmpty)
    }

    @Test("the documentation lists every setting as it is")
    func documentation() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        #expect(page.contains(Setting.page), "the table is not\n\(Setting.page)")
        let names = Setting.all.map(\.name)
        #expect(Set(names).count == names.count)
        // What is documented as the default is a value that the setting takes.
        for setting in Setting.all where setting.standard != "none" {
            var settings = ServerSettings()
            #expect(setting.apply(&settings, setting.standard) == nil, "\(setting.name)")
        }
    }
}
