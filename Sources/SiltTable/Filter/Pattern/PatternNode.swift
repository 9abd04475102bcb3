/// A regular expression as a tree.
indirect enum PatternNode {
    /// A place that an assertion names.
    enum Place {
        /// `^` and `\A`: the beginning of the text.
        case start
        /// `^` in multi-line mode.
        case lineStart
        /// `$` and `\Z`: the end, or before a line end that ends the text.
        case end
        /// `\z`: the very end.
        case veryEnd
        /// `$` in multi-line mode.
        case lineEnd
        /// `\b`.
        case wordEdge
        /// `\B`.
        case notWordEdge
    }

    case empty
    case set(ScalarSet)
    case place(Place)
    case sequence([PatternNode])
    case either([PatternNode])
    /// At least `min` times, at most `max` times; no `max` is no bound.
    case repeated(PatternNode, min: Int, max: Int?)
}
