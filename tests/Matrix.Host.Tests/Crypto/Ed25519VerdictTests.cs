using Matrix.Host.Crypto;
using Matrix.Processes;

namespace Matrix.Host.Tests.Crypto;

/// <summary>
/// Which signatures are valid, at the edges where implementations of Ed25519 differ. A new version of the library must
/// decide as before: servers of a room that decide differently about an event no longer agree on its state.
/// </summary>
internal sealed class Ed25519VerdictTests
{
    private const string Recorded = "tests/Matrix.Host.Tests/Crypto/ed25519-verdicts.txt";

    /// <summary>The encodings of the eight points of small order, and their six other encodings.</summary>
    private static readonly string[] _ofSmallOrder =
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    private static IEnumerable<TestCaseData> Verdicts() =>
        File.ReadAllText(Path.Combine(Repository.Root, Recorded))
            .Split("\n\n")
            .Where(block => !block.StartsWith('#'))
            .Select(block => block.Trim().Split('\n').Select(line => line.Split(':', 2)).ToDictionary(
                parts => parts[0], parts => parts[1].Trim()))
            .Select(fields => new TestCaseData(
                    Convert.FromHexString(fields["key"]),
                    Convert.FromHexString(fields["message"]),
                    Convert.FromHexString(fields["R"] + fields["S"]))
                .Returns(fields["valid"] == "yes")
                .SetArgDisplayNames(fields["case"], fields["key"][..8], fields["S"][..8]));

    [TestCaseSource(nameof(Verdicts))]
    public bool A_signature_has_the_recorded_verdict(byte[] key, byte[] message, byte[] signature) =>
        Ed25519.Verify(key, message, signature);

    [Test]
    public void The_file_has_verdicts_of_both_kinds()
    {
        var valid = Verdicts().Count(verdict => true.Equals(verdict.ExpectedResult));

        Assert.That(Verdicts().Count(), Is.EqualTo(75));
        Assert.That(valid, Is.EqualTo(15));
    }

    [Test]
    public void Nothing_is_signed_by_points_of_small_order()
    {
        var accepted =
            from key in _ofSmallOrder
            from half in _ofSmallOrder
            from message in Enumerable.Range(0, 16)
            let signature = Convert.FromHexString(half + new string('0', 64))
            where Ed25519.Verify(Convert.FromHexString(key), [(byte)message], signature)
            select $"{key} {half} {message}";

        Assert.That(accepted, Is.Empty);
    }

    [TestCase(31, 64)]
    [TestCase(33, 64)]
    [TestCase(0, 64)]
    [TestCase(32, 63)]
    [TestCase(32, 65)]
    [TestCase(32, 0)]
    public void Keys_and_signatures_of_another_length_are_not_valid(int keyLength, int signatureLength)
    {
        var key = Ed25519Key.Generate();
        var message = "message"u8;
        byte[] publicKey = [.. key.PublicKey, 0], signature = [.. key.Sign(message), 0];

        Assert.That(Ed25519.Verify(publicKey.AsSpan(0, 32), message, signature.AsSpan(0, 64)), Is.True);
        Assert.That(
            Ed25519.Verify(publicKey.AsSpan(0, keyLength), message, signature.AsSpan(0, signatureLength)), Is.False);
    }

    [TestCase(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [TestCase(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void A_seed_gives_the_key_and_signature_of_rfc_8032(
        string seed, string message, string publicKey, string signature)
    {
        var key = Ed25519Key.FromSeed(Convert.FromHexString(seed));

        Assert.That(Convert.ToHexStringLower(key.PublicKey), Is.EqualTo(publicKey));
        Assert.That(Convert.ToHexStringLower(key.ExportSeed()), Is.EqualTo(seed));
        Assert.That(Convert.ToHexStringLower(key.Sign(Convert.FromHexString(message))), Is.EqualTo(signature));
    }

    [Test]
    public void A_signature_is_written_into_the_first_bytes_of_a_larger_buffer()
    {
        var key = Ed25519Key.Generate();
        var buffer = new byte[70];

        key.Sign("message"u8, buffer);

        Assert.That(buffer[..64], Is.EqualTo(key.Sign("message"u8)));
        Assert.That(buffer[64..], Is.All.Zero);
        Assert.That(() => key.Sign("message"u8, new byte[63]), Throws.ArgumentException);
        Assert.That(() => Ed25519Key.FromSeed(new byte[31]), Throws.ArgumentException);
    }
}
