import Testing

/// Records each violation as an issue of its own, so that a failure reads as a list.
private func expectNone(
    _ violations: some Sequence<String>, _ note: String = "",
    at location: SourceLocation = #_sourceLocation
) {
    for violation in violations {
        Issue.record("\(violation)\(note.isEmpty ? "" : ": ")\(note)", sourceLocation: location)
    }
}

@Suite("Conventions of the sources")
struct SourceConventionTests {
    @Test("there are sources to look at")
    func finds() {
        #expect(Repository.productFiles.count > 40)
        #expect(Set(Repository.productFiles.map(\.module)) == Set(ImportGraph.allowed.keys))
    }

    @Test("modules import only what the graph allows")
    func imports() {
        expectNone(Repository.productFiles.flatMap(ImportGraph.violations))
    }

    @Test("Package.swift declares the same graph")
    func package() {
        #expect(ImportGraph.declared(in: Repository.text("Package.swift")) == ImportGraph.allowed)
    }

    @Test("public appears only where users look")
    func access() {
        expectNone(Repository.productFiles.flatMap(DeclarationRules.accessViolations))
    }

    @Test("files have at most 600 lines, functions at most 70")
    func sizes() {
        expectNone(Repository.swiftFiles.flatMap(SizeRules.violations))
    }

    @Test("unsafe code stands in the listed files and says what it relies on")
    func unsafe() {
        let allowed = UnsafeRules.files
        expectNone(
            Repository.productFiles.flatMap { UnsafeRules.violations(in: $0, allowed: allowed) })
        expectNone(allowed.subtracting(Repository.productFiles.map(\.path)), "listed, but gone")
    }

    @Test("clocks, randomness, sleep, print, files and tasks stay in their places")
    func calls() throws {
        expectNone(try Repository.productFiles.flatMap(BannedCalls.violations))
    }

    @Test("no unfinished work, no empty names")
    func names() {
        expectNone(Repository.swiftFiles.flatMap(DeclarationRules.nameViolations))
        expectNone(Repository.swiftFiles.flatMap(DeclarationRules.unfinishedViolations))
    }

    @Test("public and package declarations are documented")
    func documentation() {
        expectNone(Repository.productFiles.flatMap(DeclarationRules.documentationViolations))
    }
}

@Suite("Conventions of the pages")
struct PageConventionTests {
    @Test("every link of every page leads somewhere")
    func links() {
        let broken = Repository.pages.flatMap {
            PageRules.brokenLinks(of: $0, text: Repository.text($0), exists: Repository.exists)
        }
        expectNone(broken)
    }

    @Test("every persisted format has a page, and every page a source that follows it")
    func formats() {
        let named = Repository.productFiles.reduce(into: Set<String>()) {
            $0.formUnion(PageRules.formatPages(namedIn: $1))
        }
        let pages = Set(
            Repository.paths(below: ["docs/format"], suffix: ".md").map { String($0.dropFirst(12)) }
        )
        expectNone(named.subtracting(pages), "named by a source, but not written")
        #expect(pages.subtracting(named) == ["README.md"], "written, but no source names it")
        expectNone(Set(PageRules.formats.map { "\($0).md" }).subtracting(pages))
    }

    @Test("the files that a newcomer looks for are there")
    func top() {
        for path in [
            "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".swift-format",
            ".ci/run", ".gitignore", "docs/ARCHITECTURE.md", "docs/guarantees.md",
        ] {
            #expect(Repository.exists(path), "\(path)")
        }
        let ignored = Repository.text(".gitignore").split(separator: "\n")
        #expect(ignored.contains { $0.hasPrefix(".build") } && ignored.contains("Package.resolved"))
    }
}
