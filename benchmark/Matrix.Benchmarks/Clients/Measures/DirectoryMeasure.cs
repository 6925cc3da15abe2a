using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Pages of the directory of 100,000 rooms, and searches in the directory of 100,000 users, a fifth of them in public
/// rooms: the others match too, and may not be shown.
/// </summary>
internal sealed class DirectoryMeasure : IMeasure
{
    private const int Users = 100_000;
    private const int Rooms = 100_000;
    private const int Joiners = Users / 5;
    private const int JoinedRooms = 100;
    private const int FirstNames = 300;
    private const int Creators = 100;
    private const int WarmUp = 100;
    private const int Requests = 200;
    private const int Searches = 10;
    private const int UsualPage = 20;
    private const int LargePage = 100;
    private const double Target = 10;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3);

    public string Name => "directories";

    public string Sentence => "pages of 100,000 public rooms, searches among 100,000 users";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var registration = new ServiceRegistration(null, "@_load_.*");
        using var server = await ClientServer.StartAsync(null, registration.Settings, stop);
        var users = new ServiceUsers(server.Stage.Server, ServiceRegistration.Token, "hybrid.test");
        var watch = Stopwatch.StartNew();
        users.Register(Users);

        // Before there are rooms: a name goes to all rooms of its user.
        users.Each(Users, i => new ServiceRequest(
            "PUT", $"/_matrix/client/v3/profile/{Uri.EscapeDataString(users.UserId(i))}/displayname",
            $$"""{"displayname":"{{DisplayName(i)}}"}""", users.UserId(i)));
        var registered = watch.Elapsed;
        var rooms = MakeRooms(users);
        var made = watch.Elapsed;
        users.Join(Joiners, i => rooms[i % JoinedRooms]);
        bench.Say($"       directories: {Users} users in {registered.TotalSeconds:0} s, {Rooms} rooms in "
            + $"{(made - registered).TotalSeconds:0} s, joins in {(watch.Elapsed - made).TotalSeconds:0} s");

        var reader = server.Population.First(1)[0];
        await IsIndexedAsync(reader, stop);
        bench.Say($"       directories: all of it in {watch.Elapsed.TotalSeconds:0} s");
        Pages(bench, reader);
        Search(bench, reader, "a user's own name", OwnName, 1);
        Search(bench, reader, "a name of 333 users", i => Words.Of(i % FirstNames), 10);
        Search(bench, reader, "two letters of a tenth of all names", i => Words.Of(i)[..2], 10);
        bench.Add(Outcome.Reported("directories: memory afterwards", server.Megabytes, "MB"));
    }

    private static string DisplayName(int number) => $"{Words.Of(number % FirstNames)} {Words.Of(FirstNames + number)}";

    /// <summary>The own name of one of the users in public rooms.</summary>
    private static string OwnName(int search) => Words.Of(FirstNames + (search * 97 % Joiners));

    private static string[] MakeRooms(ServiceUsers users)
    {
        var rooms = new string[Rooms];
        users.Each(
            Rooms,
            i => new ServiceRequest(
                "POST", "/_matrix/client/v3/createRoom",
                $$"""
                {"visibility":"public","preset":"public_chat","name":"{{Words.Of(i)}} {{Words.Of(i % 777)}}",
                "topic":"About {{Words.Of(i % 999)}}"}
                """,
                users.UserId(i % Creators)),
            (i, connection) =>
            {
                using var made = JsonDocument.Parse(connection.BodyText);
                rooms[i] = made.RootElement.GetProperty("room_id").GetString()!;
            });
        return rooms;
    }

    /// <summary>
    /// Users are indexed after their commits, and not in the order of these: each of whom the searches ask for is
    /// awaited.
    /// </summary>
    private static async Task IsIndexedAsync(Account reader, CancellationToken stop)
    {
        var until = DateTime.UtcNow + _patience;
        for (var i = 0; i < WarmUp + Requests;)
        {
            if (Found(reader, OwnName(i)) > 0)
            {
                i++;
                continue;
            }

            if (DateTime.UtcNow > until) throw new TimeoutException("The users are not indexed in time.");
            await Task.Delay(100, stop);
        }
    }

    private static void Pages(MeasureContext bench, Account reader)
    {
        var (first, searched) = (new Durations(), new Durations());
        for (var i = -WarmUp; i < Requests; i++)
        {
            Timed(i < 0 ? new Durations() : first, () => Page(reader, UsualPage, "", ""));
        }

        bench.Add(Outcome.AtMost(
            $"directories: first page of {UsualPage} rooms: p50, scaled", Target, first.Percentile(50) / bench.Scale,
            "ms"));
        var (since, later) = Walk(reader, UsualPage, "");
        bench.Add(Outcome.AtMost(
            $"directories: one of the next {Requests} pages of {UsualPage}: p50, scaled", Target,
            later.Percentile(50) / bench.Scale, "ms"));
        bench.Add(Outcome.Reported(
            $"directories: one of the next {Requests} pages of {LargePage}: p50, scaled",
            Walk(reader, LargePage, since).Times.Percentile(50) / bench.Scale, "ms"));
        for (var i = 0; i < Searches; i++)
        {
            Timed(searched, () => Page(reader, UsualPage, "", Words.Of((i * 31) + 10_000)));
        }

        bench.Add(Outcome.Reported(
            "directories: rooms by a word of one room: p50, scaled", searched.Percentile(50) / bench.Scale, "ms"));
    }

    /// <summary>One page after another, of rooms that nobody asked for since they were made.</summary>
    private static (string Since, Durations Times) Walk(Account reader, int limit, string since)
    {
        var times = new Durations();
        for (var i = 0; i < Requests; i++)
        {
            Timed(times, () => since = Page(reader, limit, since, "")
                ?? throw new InvalidDataException("The directory ends early."));
        }

        return (since, times);
    }

    private static string? Page(Account reader, int limit, string since, string term)
    {
        var from = since.Length > 0 ? $",\"since\":\"{since}\"" : "";
        var filter = term.Length > 0 ? $$$""","filter":{"generic_search_term":"{{{term}}}"}""" : "";
        reader.Post(
            "/_matrix/client/v3/publicRooms", Encoding.UTF8.GetBytes($$"""{"limit":{{limit}}{{from}}{{filter}}}"""));
        using var page = JsonDocument.Parse(reader.Connection.BodyText);
        if (term.Length == 0 && page.RootElement.GetProperty("chunk").GetArrayLength() != limit)
        {
            throw new InvalidDataException("A page of rooms is not full.");
        }

        return page.RootElement.TryGetProperty("next_batch", out var next) ? next.GetString() : null;
    }

    private static void Search(
        MeasureContext bench, Account reader, string what, Func<int, string> term, int least)
    {
        var times = new Durations();
        for (var i = -WarmUp; i < Requests; i++)
        {
            Timed(i < 0 ? new Durations() : times, () =>
            {
                var found = Found(reader, term(i + WarmUp));
                if (found >= least) return;
                throw new InvalidDataException($"{found} users have {what} like {term(i + WarmUp)}.");
            });
        }

        bench.Add(Outcome.AtMost(
            $"directories: users by {what}: p50, scaled", Target, times.Percentile(50) / bench.Scale, "ms"));
    }

    private static int Found(Account reader, string term)
    {
        reader.Post(
            "/_matrix/client/v3/user_directory/search",
            Encoding.UTF8.GetBytes($$"""{"search_term":"{{term}}","limit":10}"""));
        using var found = JsonDocument.Parse(reader.Connection.BodyText);
        return found.RootElement.GetProperty("results").GetArrayLength();
    }

    private static void Timed(Durations into, Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        into.Add(Stopwatch.GetTimestamp() - start);
    }
}
