import Testing

@Suite struct SiltstoneServerTests {}
