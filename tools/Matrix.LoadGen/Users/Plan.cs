namespace Matrix.LoadGen.Users;

/// <summary>What people do.</summary>
internal enum ActionKind
{
    Typing,
    Message,
    EncryptedMessage,
    ShareKeys,
    Receipt,
    Reaction,
    Picture,
    Download,
    UploadKeys,
    Join,
}

/// <summary>Something that a person does.</summary>
/// <param name="At">Seconds since the beginning.</param>
/// <param name="Person">The person's number.</param>
/// <param name="OnPhone">Whether it is done on the phone.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Room">The room's number.</param>
/// <param name="Size">The size of a message or picture in bytes.</param>
internal sealed record PlannedAction(double At, int Person, bool OnPhone, ActionKind Kind, int Room, int Size);

/// <summary>A time in which a phone is looked at, in seconds since the beginning.</summary>
internal sealed record Session(int Person, double From, double Until);

/// <summary>All that people do for a while, in the order of time.</summary>
internal sealed record Plan(IReadOnlyList<PlannedAction> Actions, IReadOnlyList<Session> Sessions)
{
    private const double TypingSeconds = 3;
    private const double SharingSeconds = 0.5;
    private const int LeastMessage = 20;
    private const int MedianMessage = 60;
    private const int MostMessage = 400;
    private const int MostPicture = 2_000_000;
    private const double PictureSpread = 0.7;

    /// <summary>Draws a plan.</summary>
    /// <param name="community">The people.</param>
    /// <param name="rates">How often they do something.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="pace">How much more often than the rates say.</param>
    public static Plan Draw(Community community, Rates rates, int seed, double seconds, double pace = 1)
    {
        var (actions, sessions) = (new List<PlannedAction>(), new List<Session>());
        foreach (var person in community.People)
        {
            // A person's draws depend on nobody else's.
            var draw = new Drawing(HashCode(seed, person.Number));
            Session[] own = person.HasPhone ? [.. DrawSessions(rates, draw, person.Number, seconds)] : [];
            sessions.AddRange(own);
            if (person.Rooms.Count == 0) continue;
            var share = person is { HasPhone: true, HasLaptop: true } ? 0.5 : 1;
            var of = new PersonPlan(community, rates, draw, person, actions);
            if (person.HasLaptop)
            {
                of.Draw(share * pace, onPhone: false, [new Session(person.Number, 0, seconds)]);
            }

            if (person.HasPhone) of.Draw(share * pace / rates.ForegroundShare, onPhone: true, own);
        }

        return new Plan(
            [.. actions.OrderBy(static each => each.At)], [.. sessions.OrderBy(static each => each.From)]);
    }

    private static int HashCode(int seed, int person) => unchecked((seed * 1_000_003) + (person * 7919));

    private static IEnumerable<Session> DrawSessions(Rates rates, Drawing draw, int person, double seconds)
    {
        var isForeground = draw.Happens(rates.ForegroundShare);
        for (var at = 0.0; at < seconds; isForeground = !isForeground)
        {
            var until = at + draw.Exponential(rates[isForeground ? "foreground-seconds" : "background-seconds"]);
            if (isForeground) yield return new Session(person, at, Math.Min(until, seconds));
            at = until;
        }
    }

    /// <summary>The actions of one person.</summary>
    private sealed class PersonPlan(
        Community community, Rates rates, Drawing draw, Person person, List<PlannedAction> actions)
    {
        /// <summary>Draws the actions on a device, in the times in which it is used.</summary>
        /// <param name="factor">How much more often than an average person on one device.</param>
        /// <param name="onPhone">Whether it is the phone.</param>
        /// <param name="times">When it is used.</param>
        public void Draw(double factor, bool onPhone, IReadOnlyList<Session> times)
        {
            factor *= person.Activity;
            foreach (var at in Moments("messages", factor, times)) Message(at, onPhone);
            foreach (var at in Moments("receipts", factor, times)) Add(at, onPhone, ActionKind.Receipt, Liked());
            foreach (var at in Moments("reactions", factor, times)) Add(at, onPhone, ActionKind.Reaction, Liked());
            foreach (var at in Moments("pictures", factor, times))
            {
                Add(at, onPhone, ActionKind.Picture, Liked(), Picture());
            }

            foreach (var at in Moments("downloads", factor, times)) Add(at, onPhone, ActionKind.Download, Liked());
            foreach (var at in Moments("key-uploads", factor, times)) Add(at, onPhone, ActionKind.UploadKeys, Liked());
            foreach (var at in Moments("joins", factor, times))
            {
                var room = draw.Below(community.Rooms.Count);
                if (!community.Rooms[room].IsDirect) Add(at, onPhone, ActionKind.Join, room);
            }
        }

        private void Message(double at, bool onPhone)
        {
            var room = Liked();
            var isEncrypted = community.Rooms[room].IsEncrypted;
            var size = (int)Math.Clamp(MedianMessage * draw.LogNormal(1), LeastMessage, MostMessage);
            if (draw.Happens(rates["typing"]))
            {
                Add(Math.Max(at - TypingSeconds, 0), onPhone, ActionKind.Typing, room);
            }

            if (isEncrypted && draw.Happens(rates["key-shares"]))
            {
                Add(Math.Max(at - SharingSeconds, 0), onPhone, ActionKind.ShareKeys, room);
            }

            Add(at, onPhone, isEncrypted ? ActionKind.EncryptedMessage : ActionKind.Message, room, size);
        }

        private int Picture() => (int)Math.Min(
            rates["picture-kilobytes"] * 1000 * draw.LogNormal(PictureSpread), MostPicture);

        private int Liked() => person.Rooms[draw.Ranked(person.Rooms.Count)];

        private void Add(double at, bool onPhone, ActionKind kind, int room, int size = 0) =>
            actions.Add(new PlannedAction(at, person.Number, onPhone, kind, room, size));

        /// <summary>Moments within the times, as if these followed one another without a gap.</summary>
        private IEnumerable<double> Moments(string name, double factor, IReadOnlyList<Session> times)
        {
            var (number, before) = (0, 0.0);
            var all = times.Sum(static each => each.Until - each.From);
            foreach (var at in draw.Moments(rates.PerSecond(name) * factor, all))
            {
                while (number < times.Count - 1 && at - before > times[number].Until - times[number].From)
                {
                    before += times[number].Until - times[number].From;
                    number++;
                }

                yield return times[number].From + at - before;
            }
        }
    }
}
