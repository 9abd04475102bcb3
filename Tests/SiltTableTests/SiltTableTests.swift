import Testing

@Suite struct SiltTableTests {}
