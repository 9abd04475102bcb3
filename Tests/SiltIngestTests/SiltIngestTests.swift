import Testing

@Suite struct SiltIngestTests {}
