using System.Buffers.Binary;
using Matrix.Durability.Kill;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.PowerLoss;

/// <summary>
/// SIGKILL proves only the order of things, because the page cache survives it. Here a library is preloaded into the
/// real server, and its record determines what a disk would hold after a loss of power.
/// </summary>
internal static class PowerLossTest
{
    private const int Clients = 8;
    private const int Instants = 4;

    /// <summary>
    /// Every 200 comes after its sync, and the server opens what was synced and has every acknowledged event.
    /// </summary>
    public static async Task HoldsAsync(int seed)
    {
        using var recorded = await RecordAsync(synchronous: null);
        LostException.ThrowIfAny(SyncedFirst.Problems(recorded.Recording, recorded.Answers));
        var random = new Random(seed);
        for (var i = 0; i < Instants; i++)
        {
            // The power goes at the moment at which the server begins to send the 200.
            var last = i == 0 ? recorded.Answers[^1] : recorded.Answers[random.Next(recorded.Answers.Count)];
            await OpensAndHoldsAsync(recorded, last.At, luck: i % 2 == 0 ? null : random);
        }
    }

    /// <summary>A recording that a kill cut short can be read up to that point.</summary>
    public static Task ReadsWhatTheKillCutShortAsync()
    {
        // The library's format: kind, file, two ticks, offset, length, and that many bytes.
        var one = new byte[40 + 16];
        BinaryPrimitives.WriteUInt32LittleEndian(one, (uint)RecordKind.Wrote);
        BinaryPrimitives.WriteUInt64LittleEndian(one.AsSpan(32), 16);
        byte[] three = [.. one, .. one, .. one];
        LostException.ThrowIfAny([.. Enumerable.Range(0, three.Length + 1)
            .Select(length => (Length: length, Recording.Read(three.AsMemory(0, length)).Calls.Count))
            .Where(read => read.Count != read.Length / one.Length)
            .Select(read => $"{read.Count} calls are read from {read.Length} bytes")]);
        return Task.CompletedTask;
    }

    /// <summary>Without syncs, the same checks find problems.</summary>
    public static async Task FailsWithoutSyncAsync(int seed)
    {
        using var recorded = await RecordAsync(synchronous: "OFF");
        var problems = SyncedFirst.Problems(recorded.Recording, recorded.Answers);
        if (problems.Count == 0)
        {
            throw new LostException(
                "With synchronous=OFF every response still came after a sync: the test detects nothing.");
        }

        try
        {
            await OpensAndHoldsAsync(recorded, recorded.Answers[^1].At, luck: null);
        }
        catch (Exception lost) when (lost is LostException or InvalidOperationException)
        {
            return;
        }

        throw new LostException(
            $"With synchronous=OFF and seed {seed} nothing was lost: the rebuilt files hold what was never synced.");
    }

    private static async Task<Recorded> RecordAsync(string? synchronous)
    {
        var server = new HomeserverProcess();
        Directory.CreateDirectory(server.DataFolder);
        var record = Path.Combine(server.Folder, "record");
        Shim.Preload(server, record);
        if (synchronous is not null)
        {
            server.Settings["MATRIX_DATABASE__SQLITE_SYNCHRONOUS"] = synchronous;
        }

        await server.StartAsync();
        var processId = server.ProcessId;
        var population = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], processId, DataFolder: null));
        var accounts = population.First(Clients);
        var roomId = accounts[0].CreateRoom("power loss");
        accounts[0].SetState(Uri.EscapeDataString(roomId), "m.room.power_levels", "", """{"state_default":0}"""u8);
        foreach (var account in accounts.Skip(1))
        {
            account.Join(roomId);
        }

        var clients = accounts.Select((a, i) => new SendingClient(
            a, i == 0 ? () => Request.State(roomId, "one") : () => Request.Message(roomId))).ToList();
        var threads = clients.Select(c => c.Start()).ToList();
        await SendingClient.UntilAsync(() => clients.TrueForAll(client => client.Answers > 0));
        await Task.Delay(1500);
        await server.KillAsync();
        threads.ForEach(t => t.Join());

        var recording = Recording.Read($"{record}.{processId}");
        var told = Answers.In(recording);
        var kept = clients.SelectMany(c => c.Kept).ToDictionary(k => k.EventId, k => k.Request);
        var missed = kept.Keys.Except(told.Select(a => a.EventId)).Count();
        var result = new Recorded(
            server, recording, [.. told.Where(a => kept.ContainsKey(a.EventId))], kept, roomId, clients[0].Connection);
        return kept.Count > 0 && missed == 0 ? result
            : throw new LostException($"{kept.Count} were acknowledged, {missed} of them unseen.");
    }

    private static async Task OpensAndHoldsAsync(Recorded recorded, ulong at, Random? luck)
    {
        using var server = new HomeserverProcess(settings: new Dictionary<string, string>
        {
            // The recorded server's data, served on another port.
            ["MATRIX_REGISTRATION__ENABLED"] = "false",
        });
        Rebuilt.Write(recorded.Recording, at, luck, recorded.Server.DataFolder, server.DataFolder);
        CopyWhatWasThereBefore(recorded, server.DataFolder);
        await server.StartAsync();

        var problems = new List<string>();
        using var connection = recorded.Connection.To(Target.Parse(server.Url));
        foreach (var answer in recorded.Answers.Where(a => a.At <= at))
        {
            var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(recorded.RoomId)}"
                + $"/event/{Uri.EscapeDataString(answer.EventId)}";
            var status = connection.Get(path);
            if (status != 200
                || !connection.BodyText.Contains(recorded.Kept[answer.EventId].Mark, StringComparison.Ordinal))
            {
                problems.Add($"{answer.EventId} was acknowledged before tick {at} and now returns {status}");
            }
        }

        LostException.ThrowIfAny(problems);
    }

    /// <summary>Files that the server only read (none on a first start), or wrote before the recording began.</summary>
    private static void CopyWhatWasThereBefore(Recorded recorded, string to)
    {
        var known = recorded.Recording.Paths.Values.ToHashSet();
        foreach (var path in Directory.EnumerateFiles(recorded.Server.DataFolder, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(recorded.Server.DataFolder, path));
            // A socket is no file: it ends with its server.
            var isLeftOut = path.EndsWith("-shm", StringComparison.Ordinal)
                || path.EndsWith("control/socket", StringComparison.Ordinal);
            if (!known.Contains(path) && !File.Exists(target) && !isLeftOut)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target);
            }
        }
    }

    private sealed record Recorded(
        HomeserverProcess Server,
        Recording Recording,
        IReadOnlyList<Answer> Answers,
        IReadOnlyDictionary<string, Request> Kept,
        string RoomId,
        HttpConnection Connection) : IDisposable
    {
        public void Dispose() => Server.Dispose();
    }
}
