using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx config`.</summary>
internal sealed class ConfigTests
{
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("cli");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_valid_file_is_reported_as_good()
    {
        var file = await WriteAsync("server_name: example.org\n");

        var ran = await Command.RunAsync("config", "check", file);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((0, $"{file}: good\n")), ran.Errors);
    }

    [Test]
    public async Task Every_error_is_reported_with_its_line_and_exit_code_1()
    {
        var file = await WriteAsync("server_nam: example.org\nlimits:\n  body: lots\n");

        var text = await Command.RunAsync("config", "check", file);
        var json = await Command.RunAsync("config", "check", file, "--format", "json");

        Assert.That((text.Code, json.Code), Is.EqualTo((1, 1)));
        Assert.That(
            text.Output.Split('\n'),
            Has.Some.StartsWith($"{file}:1: unknown setting `server_nam`")
                .And.Some.StartsWith($"{file}:3: `limits.body`: expected"));
        Assert.That(json.Json.GetProperty("good").GetBoolean(), Is.False);
        Assert.That(
            json.Json.GetProperty("mistakes").EnumerateArray().Select(m => m.GetProperty("place").GetString()),
            Is.EquivalentTo(new[] { $"{file}:1", $"{file}:3" }));
    }

    [Test]
    public async Task The_page_of_settings_is_what_the_command_prints()
    {
        var printed = await Command.RunAsync("config", "default", "--format", "markdown");
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/settings.md"));

        Assert.That(page[page.IndexOf("\n## ", StringComparison.Ordinal)..], Is.EqualTo(printed.Output));
    }

    [Test]
    public async Task An_error_in_the_environment_names_the_variable()
    {
        var file = await WriteAsync("");

        var ran = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_LISTENERS__CLIENT"] = "8008" }, "", "config", "check", file);

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(ran.Output, Does.StartWith("MATRIX_LISTENERS__CLIENT: `listeners.client`: expected address:port"));
    }

    [Test]
    public async Task Without_a_file_name_the_servers_configuration_is_checked()
    {
        var file = await WriteAsync("server_nam: x\n");

        var byFolder = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_DATA_DIR"] = _folder }, "", "config", "check");
        var byName = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_CONFIG"] = file }, "", "config", "check");

        Assert.That((byFolder.Code, byName.Code), Is.EqualTo((1, 1)));
        Assert.That(byFolder.Output, Does.StartWith($"{file}:1:"));
        Assert.That(byName.Output, Is.EqualTo(byFolder.Output));
    }

    [Test]
    public async Task The_default_configuration_is_valid()
    {
        var written = await Command.RunAsync("config", "default", "--server-name", "example.org");
        var file = await WriteAsync(written.Output);

        Assert.That(written.Output, Does.Contain("\nserver_name: example.org\n"));
        Assert.That((await Command.RunAsync("config", "check", file)).Code, Is.Zero);
    }

    private async Task<string> WriteAsync(string text)
    {
        var file = Path.Combine(_folder, "homeserver.yaml");
        await File.WriteAllTextAsync(file, text);
        return file;
    }
}
