using Matrix.Host.Sodium;
using Matrix.Processes;

namespace Matrix.Host.Tests.Network;

/// <summary>The file of the server's signing keys.</summary>
internal sealed class SigningKeyFileTests
{
    private string _folder = null!;

    private string Path => System.IO.Path.Combine(_folder, "signing.key");

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("keys");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_rotation_keeps_the_public_part_of_the_former_key_only()
    {
        var first = SigningKeyFile.LoadOrCreate(Path).InUse;
        var seed = Base64Text.Encode(first.Key.ExportSeed());
        var second = SigningKeyFile.Generate();

        SigningKeyFile.Rotate(Path, second);

        var keys = SigningKeyFile.Read(Path);
        Assert.That(keys.InUse.Id, Is.EqualTo(second.Id));
        Assert.That(keys.InUse.Key.ExportSeed(), Is.EqualTo(second.Key.ExportSeed()));
        Assert.That(keys.Former.Single().Id, Is.EqualTo(first.Id));
        Assert.That(keys.Former[0].PublicKey.ToArray(), Is.EqualTo(first.Key.PublicKey.ToArray()));
        Assert.That(keys.HasOpenEnd, Is.True, "the server says when it ended");
        Assert.That(File.ReadAllText(Path), Does.Not.Contain(seed));
        Assert.That(File.GetUnixFileMode(Path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void Former_keys_have_their_ends_and_comments_stay()
    {
        var first = SigningKeyFile.Generate();
        File.WriteAllText(Path, "# mine\n" + SigningKeyFile.LineOf(first));

        SigningKeyFile.Replace(Path, SigningKeyFile.Rotate(Path, SigningKeyFile.Generate()).EndedAt(7));
        var third = SigningKeyFile.Generate();
        SigningKeyFile.Rotate(Path, third);
        SigningKeyFile.Replace(Path, SigningKeyFile.Read(Path).EndedAt(9));

        var keys = SigningKeyFile.Read(Path);
        Assert.That(keys.InUse.Id, Is.EqualTo(third.Id));
        Assert.That(keys.Former.Select(former => former.ExpiredAt), Is.EqualTo(new long?[] { 9, 7 }));
        Assert.That(keys.Former[1].Id, Is.EqualTo(first.Id));
        Assert.That(File.ReadAllText(Path), Does.StartWith("# mine\n"));
    }

    [TestCase("ed25519 b SEED", TestName = "A_second_key_in_use_is_refused")]
    [TestCase("ed25519 b PUBLIC former soon", TestName = "An_end_must_be_a_time")]
    [TestCase("ed25519 b c2hvcnQ former 5", TestName = "A_short_public_key_is_refused")]
    [TestCase("ed25519 b: PUBLIC former 5", TestName = "A_bad_version_is_refused")]
    [TestCase("ed25519 mine PUBLIC former 5", TestName = "A_version_is_used_once")]
    public void A_malformed_line_is_refused(string line)
    {
        var key = SigningKeyFile.Generate();
        var filled = line.Replace("SEED", Base64Text.Encode(key.Key.ExportSeed()), StringComparison.Ordinal)
            .Replace("PUBLIC", key.PublicKeyText, StringComparison.Ordinal);
        File.WriteAllText(Path, SigningKeyFile.LineOf(new SigningKey("mine", key.Key)) + filled + "\n");

        Assert.That(() => SigningKeyFile.Read(Path), Throws.InstanceOf<InvalidDataException>());
    }
}
