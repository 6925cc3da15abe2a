using Matrix.Host.Rooms.Reading;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Serves sliding sync: two formats of requests and responses over the same connections. MSC4186.</summary>
internal sealed class SlidingEngine(
    Notifier notifier,
    SlidingConnections connections,
    ListMatcher matcher,
    SlidingRooms rooms,
    IEnumerable<ISlidingExtension> extensions,
    IgnoredUsers ignored,
    SyncOptions options,
    ReadingOptions reading,
    TimeProvider time) : ISlidingSync
{
    private readonly Dictionary<string, ISlidingExtension> _extensions = extensions.ToDictionary(
        static extension => extension.Name, StringComparer.Ordinal);

    public IReadOnlyCollection<string> Extensions => _extensions.Keys;

    public async ValueTask<SlidingAnswer> SyncAsync(
        SlidingRequest request, ResponseWriter response, CancellationToken stop)
    {
        SlidingPos? pos = null;
        if (request.Pos is { } text)
        {
            if (!SlidingPos.TryParse(text, out var given)) return SlidingAnswer.UnknownPos;
            pos = given;
        }

        using (var turn = await connections.OpenAsync(
            request.Reader, request.Body.ConnectionId, pos, stop))
        {
            if (turn is null) return SlidingAnswer.UnknownPos;
            try
            {
                return await AnswerAsync(request, response, turn.Connection, turn.Stop);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // The client does not read the rest.
                if (response.HasBegun) throw new ResponseEndedException();
                response.Buffer.Clear();
                response.Release();

                // Another request of the connection came.
            }
            finally
            {
                connections.Used(turn.Connection);
            }
        }

        // Most clients do not read this response. Two that share the connection would end each other's polls at once.
        await PauseAsync(stop);
        return pos is { } same ? Unchanged(request, response, same) : SlidingAnswer.UnknownPos;
    }

    private async ValueTask PauseAsync(CancellationToken stop)
    {
        if (notifier.IsDraining) return;
        try
        {
            await Task.Delay(options.SlidingPause, time, stop);
        }
        catch (OperationCanceledException)
        {
            // The client is gone.
        }
    }

    private async ValueTask<SlidingAnswer> AnswerAsync(
        SlidingRequest request, ResponseWriter response, SlidingConnection connection, CancellationToken stop)
    {
        var deadline = notifier.DeadlineOf(request.Timeout);
        while (true)
        {
            var stream = await notifier.ActivateAsync(request.Reader.UserId, stop);
            var device = stream?.Device(request.Reader.DeviceId) ?? DeviceStream.Unwatched();
            var now = notifier.Now;
            var left = deadline.Left;
            var mayWait = connection.State.Pos is not null
                && left > TimeSpan.Zero
                && !notifier.IsDraining
                && !stop.IsCancellationRequested;
            if (!await response.ReserveAsync(stop))
            {
                return connection.State.Pos is { } same ? Unchanged(request, response, same) : SlidingAnswer.Busy;
            }

            var news = await ReadNewsAsync(request, response, connection, stream, device, now, mayWait, stop);
            if (news is not null) return news;
            response.Release();

            if (stream is null) await notifier.PauseAsync(left, stop);
            else if (!await notifier.WaitAsync(stream, device, now, left, stop))
            {
                // The time is up, or another long-poll of the user ended this one.
                stop.ThrowIfCancellationRequested();
                deadline = notifier.DeadlineOf(TimeSpan.Zero);
            }
        }
    }

    /// <summary>Reads the news. Null if there is none, and the response may wait.</summary>
    private async ValueTask<SlidingAnswer?> ReadNewsAsync(
        SlidingRequest request,
        ResponseWriter response,
        SlidingConnection connection,
        UserStream? stream,
        DeviceStream device,
        SyncToken now,
        bool mayWait,
        CancellationToken stop)
    {
        var json = SyncJson.WriterTo(response.Buffer);
        var pass = new SlidingPass
        {
            Request = request,
            Reader = request.Reader,
            UpTo = now.Position,
            Base = connection.State,
            Next = new PendingAnswer
            {
                Pos = new SlidingPos(connections.NextNumber(), Next(connection, now)),
                Positions = new(connection.State.Positions, StringComparer.Ordinal),
            },
            Options = options,
            Scan = new ScanBudget(time, reading.LongestScan),
            PageBytes = reading.PageBytes,
            Stream = stream,
            Device = device,
            Epoch = notifier.Epoch,
            LastDeviceLists = notifier.LastDeviceLists,
            Ignored = await ignored.OfAsync(request.Reader.UserId, stop),
            Json = json,
            Response = response,
        };
        if (await BeginAsync(pass, stop) is { } problem)
        {
            return SlidingAnswer.Refused(problem);
        }

        json.WriteStartObject();
        if (request is { IsUnstable: true, Body.TransactionId: { } own }) json.WriteString("txn_id"u8, own);
        var isOther = await matcher.MatchAsync(pass, stop);
        pass.MaySend = !mayWait || isOther;
        await rooms.WriteAsync(pass, stop);
        await ExtensionsAsync(pass, stop);
        if (mayWait && !isOther && !pass.HasNews && !pass.Next.IsCut)
        {
            response.Buffer.Clear();
            return null;
        }

        var pos = pass.Next.Pos;
        if (connections.WritesAnswers && connection.State.Pos is { } same && !isOther && HasNothing(pass))
        {
            // What the client has is all that there is: nothing has to be written before it has this. All rooms of the
            // lists were looked at.
            pos = same;
            connection.State.Lists = pass.Next.Lists;
        }
        else
        {
            await connections.AnswersAsync(connection, pass.Next, stop);
        }

        json.WriteString("pos"u8, pos.ToString());
        json.WriteEndObject();
        json.Flush();
        return SlidingAnswer.Written;
    }

    /// <summary>The token of a response that ends here. It says too what the client has of other nodes.</summary>
    private SyncToken Next(SlidingConnection connection, SyncToken now) =>
        connections.WritesAnswers && connection.State.Pos is { } before ? now.Following(before.Token) : now;

    private static bool HasNothing(SlidingPass pass) =>
        !pass.HasNews && !pass.Next.IsCut && pass.Written == 0;

    private async ValueTask<string?> BeginAsync(SlidingPass pass, CancellationToken stop)
    {
        foreach (var request in pass.Request.Body.Extensions)
        {
            if (!request.IsEnabled) continue;
            var problem = await _extensions[request.Name].BeginAsync(pass, request, stop);
            if (problem is not null) return problem;
        }

        return null;
    }

    private async ValueTask ExtensionsAsync(SlidingPass pass, CancellationToken stop)
    {
        pass.Json.WriteStartObject("extensions"u8);
        foreach (var request in pass.Request.Body.Extensions)
        {
            if (request.IsEnabled)
            {
                await _extensions[request.Name].WriteAsync(pass, request, stop);
            }
        }

        pass.Json.WriteEndObject();
    }

    /// <summary>A response with nothing but the position that the client has.</summary>
    private static SlidingAnswer Unchanged(SlidingRequest request, ResponseWriter response, SlidingPos pos)
    {
        var json = SyncJson.WriterTo(response.Buffer);
        json.WriteStartObject();
        if (request is { IsUnstable: true, Body.TransactionId: { } own }) json.WriteString("txn_id"u8, own);
        json.WriteString("pos"u8, pos.ToString());
        json.WriteEndObject();
        json.Flush();
        return SlidingAnswer.Written;
    }
}
