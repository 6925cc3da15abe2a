using Matrix.Host.Media.Thumbnails;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Media;

/// <summary>What the process that decodes images is kept apart from.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class IsolationTests : IDisposable
{
    private static readonly ToolRun _works = new(ToolEnd.Exited, 0, "");
    private static readonly ToolRun _refused = new(ToolEnd.Exited, 1, "bwrap: No permissions to create a namespace");
    private static readonly ToolRun _killed = new(ToolEnd.Exited, 137, "");

    private readonly List<string> _asked = [];
    private readonly Dictionary<string, ToolRun> _runs = [];

    private readonly LineLog _log = new();

    private IsolationProbe Probe(bool isOptional = true) => new(
        (command, _) =>
        {
            _asked.Add(command[0]);
            return ValueTask.FromResult(_runs[command[0]]);
        },
        isOptional,
        _log.CreateLogger("test"));

    public void Dispose() => _log.Dispose();

    [Test]
    public async Task A_trial_that_did_not_end_is_repeated_and_nothing_is_decoded_meanwhile()
    {
        using var probe = Probe();
        foreach (var run in new[] { ToolRun.Ended, _killed })
        {
            _runs["bwrap"] = run;
            Assert.That(await probe.FindAsync(default), Is.Null);
        }

        _runs["bwrap"] = _works;
        Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Files));
        _runs["bwrap"] = ToolRun.Ended;
        Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Files));
        Assert.That(_asked, Is.EqualTo(new[] { "bwrap", "bwrap", "bwrap" }));
    }

    [Test]
    public async Task A_lower_isolation_is_for_systems_that_lack_or_refuse_a_higher_one()
    {
        foreach (var run in new[] { ToolRun.NotFound, _refused })
        {
            using var probe = Probe();
            (_runs["bwrap"], _runs["unshare"]) = (run, ToolRun.Ended);
            Assert.That(await probe.FindAsync(default), Is.Null);
            _runs["unshare"] = _works;
            Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Network));
            _runs["bwrap"] = _works;
            Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Network));
        }

        using var none = Probe();
        (_runs["bwrap"], _runs["unshare"]) = (_refused, _refused);
        Assert.That(await none.FindAsync(default), Is.EqualTo(Isolation.None));
    }

    [TestCase(ToolEnd.NotFound, 0, "", "bubblewrap is not installed")]
    [TestCase(ToolEnd.Exited, 127, "nice: 'bwrap': No such file or directory", "bubblewrap is not installed")]
    [TestCase(ToolEnd.Exited, 1, "bwrap: Unknown option --disable-userns", "bubblewrap is too old: it must be ")]
    [TestCase(ToolEnd.Exited, 1, "bwrap: No permissions\nmore", "without user namespaces: bwrap: No perm")]
    public async Task Without_the_sandbox_no_image_is_decoded_and_the_log_names_what_is_missing(
        ToolEnd end, int code, string said, string why)
    {
        using var probe = Probe(isOptional: false);
        _runs["bwrap"] = new ToolRun(end, code, said);

        Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Insufficient));
        Assert.That(await probe.FindAsync(default), Is.EqualTo(Isolation.Insufficient));

        Assert.That(_asked, Is.EqualTo(new[] { "bwrap" }));
        Assert.That(_log.Lines, Does.Contain("There are no thumbnails: ").And.Contain(why).And.Not.Contain("more"));
    }

    [Test]
    public async Task A_weaker_isolation_that_is_allowed_is_a_warning_that_says_why()
    {
        using var probe = Probe();
        (_runs["bwrap"], _runs["unshare"]) = (ToolRun.NotFound, _works);
        await probe.FindAsync(default);
        Assert.That(
            _log.Lines,
            Does.Contain("with this server's files and keys").And.Contain("bubblewrap is not installed"));
    }

    [Test]
    public void Of_the_modules_of_libvips_only_that_of_AVIF_is_loaded()
    {
        var libraries = Directory.CreateTempSubdirectory("matrix-modules-");
        try
        {
            var debian = libraries.CreateSubdirectory("x86_64-linux-gnu/vips-modules-8.14").FullName;
            var other = libraries.CreateSubdirectory("vips-modules-8.16").FullName;
            var avif = Path.Combine(debian, "vips-heif.so");
            File.WriteAllText(avif, "");
            File.WriteAllText(Path.Combine(debian, "vips-magick.so"), "");

            Assert.That(
                Sandbox.WithoutModules(libraries.FullName),
                Is.EqualTo(new[] { "--tmpfs", other, "--tmpfs", debian, "--ro-bind", avif, avif }));
            Assert.That(Sandbox.WithoutModules(Path.Combine(libraries.FullName, "none")), Is.Empty);
        }
        finally
        {
            libraries.Delete(recursive: true);
        }
    }

    [Test]
    public async Task A_program_is_missing_refuses_or_is_ended()
    {
        byte[] input = [];
        async Task<ToolRun> RunAsync(TimeSpan longest, params string[] command) =>
            await ToolProcess.RunAsync(command, input, "/", longest, TimeProvider.System, default);

        var ample = TimeSpan.FromSeconds(30);
        Assert.That((await RunAsync(ample, "no-such-program")).End, Is.EqualTo(ToolEnd.NotFound));
        Assert.That(
            await RunAsync(ample, "sh", "-c", "echo told; exit 3"),
            Is.EqualTo(new ToolRun(ToolEnd.Exited, 3, "told\n")));
        input = [.. "a filter"u8];
        Assert.That((await RunAsync(ample, "cat")).Output, Is.EqualTo("a filter"));
        Assert.That((await RunAsync(ample, "true")).IsOk);
        Assert.That((await RunAsync(TimeSpan.FromMilliseconds(50), "sleep", "30")).WasEnded);
        Assert.That((await RunAsync(ample, "sh", "-c", "kill -9 $$")).WasEnded);
    }
}
