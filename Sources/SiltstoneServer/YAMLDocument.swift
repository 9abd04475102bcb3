package import SiltIngest
import Yams

/// Reads YAML, and JSON as a part of it, into the document tree that job definitions are read from.
package enum YAMLDocument {
    /// The document's tree, with the line and column of every node.
    ///
    /// Anchors and aliases are refused: a job file has no use for them, and nested ones grow without bound.
    /// - Throws: what is wrong, with its place.
    package static func parse(_ text: String) throws(JobDiagnostics) -> DocumentNode {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw diagnostics(error)
        } catch {
            throw JobDiagnostics([JobDiagnostic(DocumentMark(line: 1, column: 1), "\(error)")])
        }
        guard let node else {
            throw JobDiagnostics([
                JobDiagnostic(DocumentMark(line: 1, column: 1), "the file holds no document")
            ])
        }
        return try convert(node, depth: 0)
    }

    private static func diagnostics(_ error: YamlError) -> JobDiagnostics {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            JobDiagnostics([
                JobDiagnostic(
                    DocumentMark(line: mark.line, column: mark.column), "not YAML: \(problem)")
            ])
        case .duplicatedKeysInMapping(let keys, let context):
            JobDiagnostics([
                JobDiagnostic(
                    DocumentMark(line: context.mark.line, column: context.mark.column),
                    "a key is there twice key=\(keys.sorted().joined(separator: ","))")
            ])
        default:
            JobDiagnostics([JobDiagnostic(DocumentMark(line: 1, column: 1), "not YAML: \(error)")])
        }
    }

    private static func convert(_ node: Node, depth: Int) throws(JobDiagnostics) -> DocumentNode {
        let mark = DocumentMark(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        guard depth < 32 else {
            throw JobDiagnostics([JobDiagnostic(mark, "nested deeper than 32 levels")])
        }
        // The first anchor is met before anything that refers to it could be expanded.
        guard node.anchor == nil else {
            throw JobDiagnostics([JobDiagnostic(mark, "anchors and aliases are not supported")])
        }
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style == .singleQuoted || scalar.style == .doubleQuoted
            return DocumentNode(.scalar(scalar.string, isQuoted: isQuoted), mark: mark)
        case .sequence(let sequence):
            var elements: [DocumentNode] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1)) }
            return DocumentNode(.list(elements), mark: mark)
        case .mapping(let mapping):
            var entries: [DocumentNode.Entry] = []
            for (key, value) in mapping {
                let keyMark = DocumentMark(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
                guard case .scalar(let name) = key else {
                    throw JobDiagnostics([JobDiagnostic(keyMark, "a key is a plain word")])
                }
                entries.append(
                    DocumentNode.Entry(
                        key: name.string, mark: keyMark, value: try convert(value, depth: depth + 1)
                    ))
            }
            return DocumentNode(.map(entries), mark: mark)
        default:
            throw JobDiagnostics([JobDiagnostic(mark, "anchors and aliases are not supported")])
        }
    }
}
