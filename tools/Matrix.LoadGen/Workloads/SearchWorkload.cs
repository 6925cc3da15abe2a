using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Searches of a rare and of a frequent word among many messages.</summary>
internal sealed class SearchWorkload : IWorkload
{
    public string Name => "search";

    public string Sentence =>
        "searches in 1,000,000 messages of 200 rooms, by a user in 100 of them: a word with 50 hits, one in a fifth";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver ? new SearchRun(stage) : null;
}

/// <summary>The messages, sent by users through the server's own API, and the searches.</summary>
internal sealed class SearchRun : IRun
{
    private const int Senders = 50;
    private const int RoomsOfSender = 4;
    private const int RareHits = 50;
    private const string Rare = "ptarmigan";
    private const string Frequent = "harbour";
    private const string Last = "afterwards";
    private const string Path = "/_matrix/client/v3/search";
    private const int SearchesPerSlice = 20;
    private static readonly TimeSpan _turn = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    /// <summary>A server tidies its index when no messages come; the searches are those of a quiet server.</summary>
    private static readonly TimeSpan _quiet = TimeSpan.FromSeconds(30);

    private readonly Stage _stage;
    private readonly Account _reader;
    private readonly RareWordText _text;
    private readonly (string Name, string Word, string Order, Durations Durations)[] _searches =
    [
        ("rare_rank_", Rare, "rank", new Durations()), ("rare_recent_", Rare, "recent", new Durations()),
        ("frequent_rank_", Frequent, "rank", new Durations()),
        ("frequent_recent_", Frequent, "recent", new Durations()),
    ];

    private double _perSecond;
    private double _indexSeconds;
    private long _rareCount;

    public SearchRun(Stage stage)
    {
        _stage = stage;
        _text = new RareWordText(stage.Settings.SearchedMessages / RareHits, Rare, Frequent);
        _reader = stage.Population.Fresh();
        var senders = stage.Population.First(Senders + 1).Where(user => user != _reader).Take(Senders).ToList();
        var rooms = senders.ConvertAll(MakeRooms);
        var crowd = new Crowd(stage.Server);
        crowd.RepeatInAll(
            [.. senders.Select((sender, i) => sender.Sending(() => _text.Next(rooms[i])))],
            stage.Settings.SearchedMessages);
        _perSecond = crowd.LastPerSecond;
        _indexSeconds = WaitForIndex(senders[0], rooms[0][0]);
        Thread.Sleep(_quiet);
    }

    public void WarmUp()
    {
        for (var i = 0; i < 3; i++) Slice(_ => new Durations());
    }

    public void Slice() => Slice(search => search);

    public Figures Finish()
    {
        var figures = new Figures()
            .Add("messages", _stage.Settings.SearchedMessages)
            .Add("filled_per_second", _perSecond)
            .Add("index_behind_seconds", _indexSeconds)
            .Add("rare_count", _rareCount);
        foreach (var (name, _, _, durations) in _searches) figures.AddDurations(name, durations);
        return figures;
    }

    public void Dispose()
    {
    }

    /// <summary>The rooms of a sender; the reader is in the first half of them.</summary>
    private string[] MakeRooms(Account sender)
    {
        var rooms = new string[RoomsOfSender];
        for (var i = 0; i < rooms.Length; i++)
        {
            var room = sender.CreateRoom($"searched {i}");
            if (i < rooms.Length / 2) _reader.Join(room);
            rooms[i] = Uri.EscapeDataString(room);
        }

        return rooms;
    }

    /// <summary>Events are indexed in order: the last message is found when all are.</summary>
    private double WaitForIndex(Account sender, string room)
    {
        sender.Send(room, Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{Last}}"}"""));
        var watch = Stopwatch.StartNew();
        while (Count(Last, "recent") == 0)
        {
            if (watch.Elapsed > _patience) throw new InvalidDataException("The messages are not indexed in time.");
            Thread.Sleep(50);
        }

        return watch.Elapsed.TotalSeconds;
    }

    private void Slice(Func<Durations, Durations> into)
    {
        foreach (var (_, word, order, durations) in _searches)
        {
            var turn = Stopwatch.GetTimestamp();
            for (var i = 0; i < SearchesPerSlice && (i == 0 || Stopwatch.GetElapsedTime(turn) < _turn); i++)
            {
                var start = Stopwatch.GetTimestamp();
                var count = Count(word, order);
                into(durations).Add(Stopwatch.GetTimestamp() - start);
                if (word == Rare) _rareCount = count;
            }
        }
    }

    private long Count(string word, string order)
    {
        _reader.Post(Path, Encoding.UTF8.GetBytes(
            $$$$$"""
            {"search_categories":{"room_events":{"search_term":"{{{{{word}}}}}","keys":["content.body"],
            "order_by":"{{{{{order}}}}}","filter":{"limit":10}}}}
            """));
        using var answer = JsonDocument.Parse(_reader.Connection.BodyText);
        return answer.RootElement.GetProperty("search_categories").GetProperty("room_events").GetProperty("count")
            .GetInt64();
    }
}

/// <summary>
/// Messages of a dozen words of a vocabulary of 20,000: some of these words are in most messages, most are in few. A
/// fifth of the messages has the frequent word, and one of <paramref name="rareEvery"/> the rare one.
/// </summary>
internal sealed class RareWordText(int rareEvery, string rare, string frequent)
{
    private const int Vocabulary = 20_000;
    private const int WordsOfMessage = 12;
    private const int Seed = 20261124;

    private readonly Random _random = new(Seed);
    private readonly StringBuilder _message = new();
    private int _made;

    /// <summary>The next message, and the room it is sent to. The rare word is in the first room only.</summary>
    public (string Room, byte[] Content) Next(string[] rooms)
    {
        var isRare = _made % rareEvery == 0;
        _message.Clear().Append("{\"msgtype\":\"m.text\",\"body\":\"");
        for (var i = 0; i < WordsOfMessage; i++)
        {
            // The cube favours the first words, as texts do.
            var drawn = _random.NextDouble();
            Words.Append(_message, (int)(Vocabulary * drawn * drawn * drawn)).Append(' ');
        }

        if (_made % 5 == 0) _message.Append(frequent).Append(' ');
        if (isRare) _message.Append(rare);
        _message.Append("\"}");
        var room = rooms[isRare ? 0 : _random.Next(rooms.Length)];
        _made++;
        return (room, Encoding.UTF8.GetBytes(_message.ToString()));
    }
}
