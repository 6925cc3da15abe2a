using Matrix.Host.Crypto;
using Matrix.Processes;

namespace Matrix.Host.Tests.Crypto;

/// <summary>The file of the server's signing keys.</summary>
internal sealed class SigningKeyFileTests
{
    /// <summary>The id of a user who runs a server.</summary>
    private const uint Server = 54_321;

    private string _folder = null!;

    private string Path => System.IO.Path.Combine(_folder, "signing.key");

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("keys");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_file_written_before_or_by_another_server_gives_its_keys()
    {
        File.WriteAllText(
            Path,
            """
            # RFC 8032, 7.1, tests 1 and 3
            ed25519  a_1x2y nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=
            ed25519 old /FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU former 7

            """);

        var keys = SigningKeyFile.LoadOrCreate(Path);

        Assert.That(keys.InUse.Id, Is.EqualTo("ed25519:a_1x2y"));
        Assert.That(keys.InUse.PublicKeyText, Is.EqualTo("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        Assert.That(
            Convert.ToHexStringLower(keys.InUse.Key.Sign([])),
            Does.StartWith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"));
        Assert.That(keys.Former.Single().Id, Is.EqualTo("ed25519:old"));
        Assert.That(keys.Former[0].ExpiredAt, Is.EqualTo(7));
    }

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

    [Test]
    public void A_rotation_keeps_the_mode_of_the_file()
    {
        SigningKeyFile.LoadOrCreate(Path);
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.GroupRead;
        File.SetUnixFileMode(Path, Mode);

        SigningKeyFile.Rotate(Path, SigningKeyFile.Generate());

        Assert.That(File.GetUnixFileMode(Path), Is.EqualTo(Mode));
    }

    [Test]
    public void A_rotation_by_root_leaves_the_file_to_its_owner()
    {
        Assume.That(Environment.IsPrivilegedProcess, "only root can give files away");
        SigningKeyFile.LoadOrCreate(Path);
        FileUser.Give(Path, Server);
        FileUser.Give(_folder, Server);
        var next = SigningKeyFile.Generate();

        SigningKeyFile.Rotate(Path, next);

        FileUser.Run(Server, () =>
        {
            Assert.That(SigningKeyFile.Read(Path).InUse.Id, Is.EqualTo(next.Id));
            SigningKeyFile.Replace(Path, SigningKeyFile.Read(Path).EndedAt(7));
        });
        Assert.That(SigningKeyFile.Read(Path).Former.Single().ExpiredAt, Is.EqualTo(7));
        Assert.That(File.GetUnixFileMode(Path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void A_rotation_by_a_user_who_cannot_keep_the_owner_changes_nothing()
    {
        Assume.That(Environment.IsPrivilegedProcess, "only root can act as others");
        SigningKeyFile.LoadOrCreate(Path);
        FileUser.Give(Path, Server);
        File.SetUnixFileMode(Path, (UnixFileMode)0b110_100_100);
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_111_111);
        var before = File.ReadAllText(Path);

        Assert.That(
            () => FileUser.Run(Server + 1, () => SigningKeyFile.Rotate(Path, SigningKeyFile.Generate())),
            Throws.InstanceOf<UnauthorizedAccessException>().With.Message.Contains($"belongs to the user {Server}"));

        Assert.That(File.ReadAllText(Path), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_server_may_end_a_former_key_in_a_file_of_root_that_it_can_read()
    {
        Assume.That(Environment.IsPrivilegedProcess, "only root can act as others");
        SigningKeyFile.LoadOrCreate(Path);
        SigningKeyFile.Rotate(Path, SigningKeyFile.Generate());
        File.SetUnixFileMode(Path, (UnixFileMode)0b110_100_100);
        FileUser.Give(_folder, Server);

        FileUser.Run(Server, () => SigningKeyFile.Replace(Path, SigningKeyFile.Read(Path).EndedAt(7)));

        Assert.That(SigningKeyFile.Read(Path).Former.Single().ExpiredAt, Is.EqualTo(7));
        Assert.That(File.GetUnixFileMode(Path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void Of_rotations_at_once_none_is_lost()
    {
        var first = SigningKeyFile.LoadOrCreate(Path).InUse;
        var next = Enumerable.Range(0, 40).Select(_ => SigningKeyFile.Generate()).ToArray();

        Parallel.ForEach(
            next, new ParallelOptions { MaxDegreeOfParallelism = 8 }, each => SigningKeyFile.Rotate(Path, each));

        var keys = SigningKeyFile.Read(Path);
        Assert.That(
            keys.Former.Select(former => former.Id).Append(keys.InUse.Id),
            Is.EquivalentTo(next.Append(first).Select(each => each.Id)));
        Assert.That(() => SigningKeyFile.Rotate(Path, first), Throws.InstanceOf<InvalidDataException>());
    }

    [Test]
    public void The_end_of_a_key_does_not_undo_a_later_rotation()
    {
        SigningKeyFile.LoadOrCreate(Path);
        var read = SigningKeyFile.Rotate(Path, SigningKeyFile.Generate());
        var later = SigningKeyFile.Generate();
        SigningKeyFile.Rotate(Path, later);

        SigningKeyFile.Replace(Path, read.EndedAt(7));

        Assert.That(SigningKeyFile.Read(Path).InUse.Id, Is.EqualTo(later.Id));
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
