using System.Diagnostics;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;

namespace Matrix.LoadGen.Users;

/// <summary>Carries out a plan on a server: devices wait for news, and people do everything at its time.</summary>
internal sealed class PlanRun(LivingCommunity living, Rates rates, Operations measured)
{
    private const string Client = "/_matrix/client/v3/";
    private const int LongPollMilliseconds = 30_000;

    /// <summary>Devices in one message or query of keys, as clients divide them.</summary>
    private const int DevicesAtOnce = 250;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);

    private int _transactions;

    /// <summary>How late actions were begun: what the load itself adds.</summary>
    public Durations Late { get; } = new();

    /// <summary>Runs a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="seconds">How long it is.</param>
    /// <param name="measureFrom">From which second on anything is counted.</param>
    /// <param name="beginning">Called when counting begins.</param>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(
        Plan plan, double seconds, double measureFrom, Action beginning, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watch = Stopwatch.StartNew();
        var laptops = living.Drawn.People.Select(each => living.Laptop(each.Number)).OfType<Device>()
            .Select(each => WaitAsync(each, isPhone: false, over.Token)).ToList();
        var phones = plan.Sessions.GroupBy(static each => each.Person)
            .Select(each => LookAsync(each, watch, over.Token)).ToList();
        var actions = await DispatchAsync(plan, seconds, measureFrom, watch, beginning, stop);
        measured.IsMeasuring = false;
        await over.CancelAsync();
        await Task.WhenAll([.. laptops, .. phones]);
        await Task.WhenAll(actions);
    }

    private async Task<List<Task>> DispatchAsync(
        Plan plan,
        double seconds,
        double measureFrom,
        Stopwatch watch,
        Action beginning,
        CancellationToken stop)
    {
        var actions = new List<Task>(plan.Actions.Count);
        var next = 0;
        while (watch.Elapsed.TotalSeconds < seconds)
        {
            var now = watch.Elapsed.TotalSeconds;
            if (!measured.IsMeasuring && now >= measureFrom)
            {
                measured.IsMeasuring = true;
                beginning();
            }

            for (; next < plan.Actions.Count && plan.Actions[next].At <= now; next++)
            {
                var late = watch.Elapsed.TotalSeconds - plan.Actions[next].At;
                if (measured.IsMeasuring) Late.Add((long)(late * Stopwatch.Frequency));
                actions.Add(ActAsync(plan.Actions[next], stop));
            }

            await Task.Delay(1, stop);
        }

        return actions;
    }

    /// <summary>A phone is looked at now and then.</summary>
    private async Task LookAsync(IEnumerable<Session> sessions, Stopwatch watch, CancellationToken over)
    {
        foreach (var session in sessions)
        {
            try
            {
                var until = TimeSpan.FromSeconds(session.From) - watch.Elapsed;
                if (until > TimeSpan.Zero) await Task.Delay(until, over);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(over);
            end.CancelAfter(TimeSpan.FromSeconds(Math.Max(session.Until - watch.Elapsed.TotalSeconds, 0.01)));
            await WaitAsync(living.Phone(session.Person)!, isPhone: true, end.Token);
        }
    }

    /// <summary>A device gets what it has missed, and then waits for news until it is told to stop.</summary>
    private async Task WaitAsync(Device device, bool isPhone, CancellationToken over)
    {
        for (var isFirst = true; !over.IsCancellationRequested;)
        {
            var since = Stopwatch.GetTimestamp();
            try
            {
                var timeout = isFirst ? 0 : LongPollMilliseconds;
                using var reply = isPhone ? await LivingCommunity.SlidingSyncAsync(device, timeout, over)
                    : await LivingCommunity.SyncAsync(device, timeout, over);
                if (isFirst) measured.Done(isPhone ? "open the app (sliding sync)" : "continue (sync)", since);
                else Deliver(reply.Body.Span, since);
                isFirst = false;
            }
            catch (OperationCanceledException) when (over.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault) when (fault is RefusedException or HttpRequestException or IOException)
            {
                // A position that the server has forgotten is no fault: the client begins anew.
                if (isPhone && fault.Message.Contains("M_UNKNOWN_POS", StringComparison.Ordinal))
                {
                    device.Position = null;
                    isFirst = true;
                    continue;
                }

                measured.Fail(isPhone ? "sliding sync" : "sync", fault.Message);
                await Task.Delay(_again, CancellationToken.None);
            }
        }
    }

    /// <summary>Messages that were sent while the device waited.</summary>
    private void Deliver(ReadOnlySpan<byte> response, long since)
    {
        var now = Stopwatch.GetTimestamp();
        Contents.ForEachSent(response, sent =>
        {
            if (sent > since) measured.Took("reach a waiting device", now - sent);
        });
    }

    private async Task ActAsync(PlannedAction action, CancellationToken stop)
    {
        // The dispatcher must not wait for what an action does before its first request.
        await Task.Yield();
        using var late = CancellationTokenSource.CreateLinkedTokenSource(stop);
        late.CancelAfter(_patience);
        try
        {
            await DoAsync(action, late.Token);
        }
        catch (Exception fault) when (fault is RefusedException or HttpRequestException or IOException
            or OperationCanceledException)
        {
            measured.Fail(action.Kind.ToString(), fault.Message);
        }
    }

    private async Task DoAsync(PlannedAction action, CancellationToken stop)
    {
        var device = living.DeviceOf(action.Person, action.OnPhone);
        var transaction = $"-{Interlocked.Increment(ref _transactions)}";
        var rooms = $"{Client}rooms/{living.Room(action.Room)}";
        var since = Stopwatch.GetTimestamp();
        switch (action.Kind)
        {
            case ActionKind.Typing:
                await device.DoAsync(
                    HttpMethod.Put, $"{rooms}/typing/{Uri.EscapeDataString(device.UserId)}",
                    """{"typing":true,"timeout":30000}"""u8.ToArray(), stop);
                measured.Done("type", since);
                break;
            case ActionKind.Message:
                await living.SendAsync(
                    device, action.Room, "m.room.message", transaction, Contents.Message(action.Size), stop);
                measured.Done("send a message", since);
                break;
            case ActionKind.EncryptedMessage:
                var encrypted = Contents.Encrypted(device, action.Size);
                await living.SendAsync(device, action.Room, "m.room.encrypted", transaction, encrypted, stop);
                measured.Done("send an encrypted message", since);
                break;
            case ActionKind.Receipt:
                await device.DoAsync(
                    HttpMethod.Post, $"{rooms}/receipt/m.read/{Uri.EscapeDataString(living.Latest(action.Room))}",
                    "{}"u8.ToArray(), stop);
                measured.Done("send a read receipt", since);
                break;
            case ActionKind.Reaction:
                var reaction = Contents.Reaction(living.Latest(action.Room));
                await living.SendAsync(device, action.Room, "m.reaction", transaction, reaction, stop);
                measured.Done("send a reaction", since);
                break;
            case ActionKind.Picture:
                await living.SendPictureAsync(
                    action.Person, action.OnPhone, action.Room, action.Size, measured, stop);
                break;
            case ActionKind.Download:
                string picture;
                lock (living.Pictures) picture = living.Pictures[action.Person % living.Pictures.Count];
                await device.DoAsync(HttpMethod.Get, picture, null, stop);
                measured.Done("download a picture", since);
                break;
            case ActionKind.UploadKeys:
                await device.DoAsync(HttpMethod.Post, $"{Client}keys/upload", Contents.OneTimeKeys(device), stop);
                measured.Done("upload one-time keys", since);
                break;
            case ActionKind.Join:
                if (await living.JoinAsync(device, action.Person, action.Room, stop)) measured.Done("join", since);
                break;
            case ActionKind.ShareKeys:
                await ShareAsync(device, action, transaction, stop);
                break;
            default:
                throw new InvalidDataException($"Nobody knows how to do {action.Kind}.");
        }
    }

    /// <summary>
    /// A new room key for all devices in a room. Those with whom no session exists need a one-time key.
    /// </summary>
    private async Task ShareAsync(Device device, PlannedAction action, string transaction, CancellationToken stop)
    {
        var part = 0;
        foreach (var devices in living.DevicesOf(action.Room, device).Chunk(DevicesAtOnce))
        {
            var since = Stopwatch.GetTimestamp();
            await device.DoAsync(
                HttpMethod.Post, $"{Client}keys/query",
                Contents.Query(devices.Select(static each => each.UserId).Distinct()), stop);
            measured.Done("query keys", since);

            var claimed = devices.Take(Math.Max((int)(devices.Length * rates["key-claims"]), 1));
            since = Stopwatch.GetTimestamp();
            await device.DoAsync(HttpMethod.Post, $"{Client}keys/claim", Contents.Claim(claimed), stop);
            measured.Done("claim one-time keys", since);

            since = Stopwatch.GetTimestamp();
            await device.DoAsync(
                HttpMethod.Put, $"{Client}sendToDevice/m.room.encrypted/{transaction}.{part++}",
                Contents.RoomKeys(devices), stop);
            measured.Done("send room keys", since);
        }
    }
}
