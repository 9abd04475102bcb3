import Testing

@Suite struct SiltFormatTests {}
