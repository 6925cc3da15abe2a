namespace Matrix.Host.Tests.Push;

/// <summary>Pushes over restarts and crashes.</summary>
internal sealed class DurablePushTests(string databaseKind) : PushedTests(databaseKind)
{
    [Test]
    public async Task A_restart_neither_loses_nor_repeats_a_push()
    {
        var sent = new List<string>();
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 5; i++) sent.Add(await Alice.SaysAsync(Room, $"{round}.{i}"));

            // Some are sent, one may be under way, others wait.
            await Server.RestartAsync();
        }

        var came = new List<string>();
        while (came.Count < sent.Count) came.Add(await Gateway.NextEventAsync());

        Assert.That(came, Is.EqualTo(sent));
    }

    [Test]
    public async Task A_count_that_waits_at_a_stop_is_pushed_after_the_start()
    {
        var sent = await Alice.SaysAsync(Room, "one");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));
        Gateway.Answers = (_, http) =>
        {
            http.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await Bob.ReadsAsync(Room, sent);
        Assert.That(await Gateway.NextCountAsync(), Is.EqualTo(0));
        await Server.StopAsync();
        Gateway.Answers = null;
        Gateway.Forget();
        await Server.RestartAsync();

        Assert.That(await Gateway.NextCountAsync(), Is.EqualTo(0));
    }

    [Test]
    public async Task A_push_that_a_stop_cuts_off_is_made_again()
    {
        await Server.RestartAsync(("push.stop_time", "1ms"));
        var held = new TaskCompletionSource();
        Gateway.Answers = (_, http) => held.Task.WaitAsync(http.RequestAborted);
        var first = await Alice.SaysAsync(Room, "one");
        var second = await Alice.SaysAsync(Room, "two");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(first));

        await Server.StopAsync();
        Gateway.Answers = null;
        held.SetResult();
        await Server.RestartAsync();

        Assert.That(
            new[] { await Gateway.NextEventAsync(), await Gateway.NextEventAsync() },
            Is.EqualTo(new[] { first, second }));
    }
}

/// <summary>A crash: another server starts from a copy of the first one's files.</summary>
internal sealed class PushAfterCrashTests
{
    [Test]
    public async Task After_a_crash_no_push_is_lost_and_only_the_one_under_way_repeats()
    {
        await using var gateway = await PushGateway.StartAsync();
        await using var server = await TestServer.StartAsync(gateway.Settings);
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        await gateway.SetAsync(bob);
        var done = new List<string>();
        for (var i = 0; i < 5; i++) done.Add(await alice.SaysAsync(room, $"{i}"));
        foreach (var id in done) Assert.That(await gateway.NextEventAsync(), Is.EqualTo(id));

        var held = new TaskCompletionSource();
        gateway.Answers = (_, http) => held.Task.WaitAsync(http.RequestAborted);
        var underWay = await alice.SaysAsync(room, "under way");
        Assert.That(await gateway.NextEventAsync(), Is.EqualTo(underWay));
        var waits = await alice.SaysAsync(room, "waits");
        var copy = Directory.CreateTempSubdirectory("matrix-crash-").FullName;
        foreach (var file in Directory.GetFiles(server.Folder).Where(IsData))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        gateway.Answers = null;
        await using (await TestServer.StartAsync([.. gateway.Settings, ("data_dir", copy)]))
        {
            Assert.That(
                new[] { await gateway.NextEventAsync(), await gateway.NextEventAsync() },
                Is.EqualTo(new[] { underWay, waits }));
        }

        held.SetResult();
        Directory.Delete(copy, recursive: true);

        static bool IsData(string file) =>
            file.EndsWith(".key", StringComparison.Ordinal)
            || (Path.GetFileName(file).StartsWith("matrix.db", StringComparison.Ordinal)
                && !file.EndsWith(".lock", StringComparison.Ordinal));
    }
}
