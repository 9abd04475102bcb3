import Foundation
import Testing

/// `silt report` over the sample, as a reader of the page would see it.
@Suite("Reports")
struct ReportCommandTests {
    private let scratch = Scratch()

    /// The texts of a page that are seen, in order.
    private func texts(_ html: String) -> [String] {
        var body = html[(html.range(of: "<body>")?.upperBound ?? html.startIndex)...]
        var texts: [String] = []
        while let open = body.firstIndex(of: "<") {
            let text = body[..<open].trimmingCharacters(in: .whitespacesAndNewlines)
            if !text.isEmpty { texts.append(text) }
            body = body[(body[open...].firstIndex(of: ">") ?? open)...].dropFirst()
        }
        return texts
    }

    @Test("the sample's report shows what flew, when and how late, and needs nothing but itself")
    func sample() throws {
        let data = scratch.path("data")
        try Program.succeed("job", "run", "data/jobs/flights-origin-hour.yaml", "--data", data)
        let file = scratch.path("report.html")
        try Program.succeed(
            "report", "data/jobs/flights-origin-hour.yaml", "--data", data, "-o", file)
        let html = scratch.text("report.html")
        let texts = texts(html)
        #expect(texts.first == "Departures from New York's airports".replacing("'", with: "&#39;"))
        let summary = try #require(texts.dropFirst().first)
        // The sample has 6,099 departures of a week from three airports.
        #expect(
            summary.contains("From 1 Jan 2013, 05:00 to 8 Jan 2013 (America/New_York)"),
            "\(summary)")
        #expect(summary.contains("of 3 keys"), "\(summary)")
        #expect(summary.contains("Flights: 6,099 in all"), "\(summary)")
        for airport in ["EWR", "JFK", "LGA"] { #expect(texts.contains(airport)) }
        for text in [
            "Flights a day", "flights", "departure delay (min)", "2 Jan", "7 Jan",
            "start of window, 2013, America/New_York time", "Longest delays", "origin",
        ] {
            #expect(texts.contains(text), "\(text)")
        }
        #expect(html.components(separatedBy: "<svg").count == 4)
        #expect(html.components(separatedBy: "<polyline").count == 7, "three lines in two pictures")
        #expect(html.contains("prefers-color-scheme: dark"))
        for text in [
            "<script", "http:", "https:", "src=", "href=", "url(", "@import", "NaN", "nan",
        ] {
            #expect(!html.contains(text), "\(text)")
        }
        let csv = try Program.succeed(
            "report", "data/jobs/flights-origin-hour.yaml", "--data", data, "--format", "csv"
        ).output.split(separator: "\r\n")
        let windows = try Program.succeed("count", "flights_by_hour", "--data", data).lines
        #expect(windows.last?.split(separator: " ").first == "\(csv.count - 1)")
        #expect(csv[0].hasPrefix("window,key,start,end,departed,"))
        #expect(csv[1].hasPrefix("hour,EWR,2013-01-01T10:00:00Z,2013-01-01T11:00:00Z,"))
        let flights = csv.dropFirst().map {
            Int($0.split(separator: ",", omittingEmptySubsequences: false)[6]) ?? 0
        }
        #expect(csv[0].split(separator: ",")[6] == "flights")
        #expect(flights.reduce(0, +) == 6099)
        let none = try Program.silt(
            "report", "data/jobs/answers/../flights-origin-hour.yaml", "--data",
            scratch.path("nowhere"))
        #expect(none.status == 3)
    }
}
