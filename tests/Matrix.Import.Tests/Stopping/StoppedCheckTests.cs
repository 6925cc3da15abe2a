using System.Diagnostics;
using System.Globalization;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Stopping;
using Matrix.Import.Tests.Sources;
using Npgsql;

namespace Matrix.Import.Tests.Stopping;

/// <summary>How the import sees that Synapse runs.</summary>
internal sealed class StoppedCheckTests
{
    private static readonly string[] _nothing = [];

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task A_process_that_has_the_database_open_is_named()
    {
        await using var source = await SmallSynapse.CreateAsync(TestDatabase.Sqlite);
        var check = new StoppedCheck(null, [AddressOf(source)]);
        Assert.That(await check.ReasonsAsync(_nothing, Stop), Is.Empty);

        using var other = Start($"exec 3<'{source.File}'; read line");
        var reasons = await check.ReasonsAsync(_nothing, Stop);
        End(other);

        Assert.That(reasons.Single(), Does.Contain($"process {other.Id} ").And.Contains(source.File));
        Assert.That(await check.ReasonsAsync(_nothing, Stop), Is.Empty);
    }

    [Test]
    public async Task The_process_of_the_pid_file_counts_only_if_it_is_Synapse()
    {
        await using var source = await SmallSynapse.CreateAsync(TestDatabase.Sqlite);
        var pidFile = source.File + ".pid";
        var check = new StoppedCheck(pidFile, [AddressOf(source)]);

        using var synapse = Start("read line # synapse.app.homeserver");
        await File.WriteAllTextAsync(pidFile, synapse.Id.ToString(CultureInfo.InvariantCulture));
        var reasons = await check.ReasonsAsync(_nothing, Stop);
        End(synapse);
        using var another = Start("read line # something else");
        await File.WriteAllTextAsync(pidFile, another.Id.ToString(CultureInfo.InvariantCulture));
        var none = await check.ReasonsAsync(_nothing, Stop);
        End(another);

        Assert.That(reasons.Single(), Does.Contain($"process {synapse.Id} "));
        Assert.That(none, Is.Empty);
    }

    [Test]
    [Category(TestDatabase.Postgres)]
    public async Task A_session_at_the_database_is_named_and_can_be_accepted()
    {
        await using var source = await SmallSynapse.CreateAsync(TestDatabase.Postgres);
        var check = new StoppedCheck(null, [AddressOf(source)]);
        Assert.That(await check.ReasonsAsync(_nothing, Stop), Is.Empty);

        await using var other = new NpgsqlConnection(source.ConnectionString + ";Application Name=watcher");
        await other.OpenAsync();

        Assert.That((await check.ReasonsAsync(_nothing, Stop)).Single(), Does.Contain("watcher"));
        Assert.That(await check.ReasonsAsync([StoppedCheck.OtherSessions], Stop), Is.Empty);
    }

    [TestCase(TestDatabase.Sqlite)]
    [TestCase(TestDatabase.Postgres, Category = TestDatabase.Postgres)]
    public async Task Numbers_that_rise_while_they_are_watched_are_named(string kind)
    {
        await using var source = await SmallSynapse.CreateAsync(
            kind, "CREATE TABLE access_tokens (id BIGINT)", "CREATE TABLE pushers (id BIGINT)");
        await source.InsertAsync("access_tokens", ("id", 1));
        var check = new StoppedCheck(null, [AddressOf(source)]);
        StreamNumbers before;
        await using (var opened = await source.OpenAsync()) before = await StreamNumbers.ReadAsync(opened, Stop);

        Assert.That(await check.RisingAsync(before, TimeSpan.Zero, TimeProvider.System, Stop), Is.Empty);
        await source.InsertAsync("access_tokens", ("id", 2));

        var rising = await check.RisingAsync(before, TimeSpan.Zero, TimeProvider.System, Stop);
        Assert.That(rising, Is.EqualTo(new[] { "access_tokens.id" }));
    }

    private static SourceAddress AddressOf(SmallSynapse source) => source.IsSqlite
        ? new SourceAddress(source.File, null, HasMain: true, HasState: true)
        : new SourceAddress(null, source.ConnectionString, HasMain: true, HasState: true);

    private static Process Start(string script)
    {
        // The line that says that it is ready comes after the file was opened.
        var ready = script.Replace("read line", "echo ready; read line", StringComparison.Ordinal);
        var process = Process.Start(new ProcessStartInfo("bash", ["-c", ready])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        _ = process.StandardOutput.ReadLine();

        return process;
    }

    private static void End(Process process)
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }
}
