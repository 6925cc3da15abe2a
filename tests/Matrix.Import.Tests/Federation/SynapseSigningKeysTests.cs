using Matrix.Host.Crypto;
using Matrix.Import.Configuration;
using Matrix.Import.Federation;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.Federation;

/// <summary>Synapse's signing keys in this server's file.</summary>
internal sealed class SynapseSigningKeysTests
{
    private const long Now = 1_700_000_000_000;
    private static readonly SigningKey _key = SigningKeyFile.Generate();
    private static readonly SigningKey _second = SigningKeyFile.Generate();

    private string _folder = "";

    private string Path => System.IO.Path.Combine(_folder, "signing.key");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("matrix-keys-").FullName;

    [TearDown]
    public void DropFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_first_key_signs_on_with_its_id_and_all_others_are_former_ones()
    {
        var old = new OldSigningKey("ed25519:2016", _second.PublicKeyText, DateTimeOffset.FromUnixTimeMilliseconds(5));
        var text = "\n" + SigningKeyFile.LineOf(_key).TrimEnd() + "\r\n" + SigningKeyFile.LineOf(_second);

        SynapseSigningKeys.Write(Path, SynapseSigningKeys.Read(text, [old], Now));

        var keys = SigningKeyFile.Read(Path);
        Assert.That((keys.InUse.Id, keys.InUse.PublicKeyText), Is.EqualTo((_key.Id, _key.PublicKeyText)));
        Assert.That(
            keys.Former.Select(static each => (each.Id, each.ExpiredAt)),
            Is.EqualTo(new[] { (_second.Id, (long?)Now), ("ed25519:2016", 5) }));
        Assert.That(keys.Former[0].PublicKey.ToArray(), Is.EqualTo(_second.Key.PublicKey.ToArray()));
    }

    [Test]
    public void Writing_twice_changes_nothing_and_another_key_is_not_overwritten()
    {
        var keys = SynapseSigningKeys.Read(SigningKeyFile.LineOf(_key), [], Now);
        SynapseSigningKeys.Write(Path, keys);
        SynapseSigningKeys.Write(Path, keys);
        var other = SynapseSigningKeys.Read(SigningKeyFile.LineOf(_second), [], Now);

        Assert.That(() => SynapseSigningKeys.Write(Path, other), Throws.TypeOf<ImportException>());
        Assert.That(SigningKeyFile.Read(Path).InUse.Id, Is.EqualTo(_key.Id));
    }

    [TestCase("ed25519 a_1 short", "Line 1")]
    [TestCase("", "no key")]
    public void A_file_that_cannot_be_read_is_named_without_what_it_holds(string text, string said) => Assert.That(
        () => SynapseSigningKeys.Read(text, [], Now),
        Throws.TypeOf<ImportException>().With.Message.Contains(said).And.Message.Not.Contains("short"));

    [TestCase("rsa:1")]
    [TestCase("ed25519:a b")]
    public void An_old_key_that_cannot_be_read_is_named(string id) => Assert.That(
        () => SynapseSigningKeys.Read(
            SigningKeyFile.LineOf(_key), [new OldSigningKey(id, _second.PublicKeyText, default)], Now),
        Throws.TypeOf<ImportException>().With.Message.Contains(id));
}
