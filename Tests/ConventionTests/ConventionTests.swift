import Testing

@Suite struct ConventionTests {}
