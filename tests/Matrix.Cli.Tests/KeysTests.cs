using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx keys rotate`.</summary>
internal sealed class KeysTests
{
    private string _folder = null!;

    private string KeyFile => Path.Combine(_folder, "signing.key");

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("cli");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_rotation_gives_a_new_key_and_keeps_the_public_part_of_the_former_one()
    {
        var made = await Command.RunAsync(
            "keys", "generate", "--out", KeyFile, "--key-version", "one", "--format", "json");
        var before = await File.ReadAllTextAsync(KeyFile);

        var rotated = await RotateAsync("--key-version", "two", "--format", "json");

        Assert.That(rotated.Code, Is.Zero, rotated.Errors);
        Assert.That(rotated.Json.GetProperty("key_id").GetString(), Is.EqualTo("ed25519:two"));
        Assert.That(rotated.Json.GetProperty("former_key_id").GetString(), Is.EqualTo("ed25519:one"));
        Assert.That(rotated.Json.GetProperty("file").GetString(), Is.EqualTo(KeyFile));
        var publicKey = Regex.Escape(made.Json.GetProperty("public_key").GetString()!);
        Assert.That(
            await File.ReadAllTextAsync(KeyFile),
            Does.Match($"^ed25519 two [A-Za-z0-9+/]{{43}}\ned25519 one {publicKey} former\n$"));
        Assert.That(await File.ReadAllTextAsync(KeyFile), Does.Not.Contain(before.Split(' ')[2].Trim()));
        Assert.That(File.GetUnixFileMode(KeyFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(rotated.Output, Does.Not.Contain((await File.ReadAllTextAsync(KeyFile)).Split(' ', '\n')[2]));
    }

    [Test]
    public async Task What_cannot_be_rotated_is_left_as_it_is()
    {
        var none = await RotateAsync();
        await Command.RunAsync("keys", "generate", "--out", KeyFile, "--key-version", "one");
        var before = await File.ReadAllTextAsync(KeyFile);
        var same = await RotateAsync("--key-version", "one");
        var badName = await RotateAsync("--key-version", "a:b");
        Assert.That(await File.ReadAllTextAsync(KeyFile), Is.EqualTo(before));
        await File.WriteAllTextAsync(KeyFile, "nonsense\n");
        var broken = await RotateAsync();

        Assert.That((none.Code, same.Code, badName.Code, broken.Code), Is.EqualTo((1, 1, 2, 1)));
        Assert.That(none.Errors, Does.Contain("there is no key yet"));
        Assert.That(same.Errors, Does.Contain("a key with the version one already"));
        Assert.That(broken.Errors, Does.Contain("signing.key: expected one line"));
        Assert.That(await File.ReadAllTextAsync(KeyFile), Is.EqualTo("nonsense\n"));
    }

    private Task<Ran> RotateAsync(params string[] arguments) => Command.RunInAsync(
        new Dictionary<string, string> { ["MATRIX_DATA_DIR"] = _folder }, "", ["keys", "rotate", .. arguments]);
}
