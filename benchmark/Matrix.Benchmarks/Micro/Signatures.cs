using BenchmarkDotNet.Attributes;
using Matrix.Host.Crypto;

namespace Matrix.Benchmarks.Micro;

/// <summary>The least cost of every event: one signature, one verification.</summary>
[MemoryDiagnoser]
public class Signatures
{
    private readonly Ed25519Key _key = Ed25519Key.Generate();
    private readonly byte[] _event = new byte[900];
    private byte[] _signature = [];

    /// <summary>A signature to verify.</summary>
    [GlobalSetup]
    public void Sign() => _signature = _key.Sign(_event);

    /// <summary>Signs an event of 900 bytes.</summary>
    [Benchmark]
    public byte[] SignEvent() => _key.Sign(_event);

    /// <summary>Verifies an event of 900 bytes.</summary>
    [Benchmark]
    public bool VerifyEvent() => Ed25519.Verify(_key.PublicKey, _event, _signature);
}
