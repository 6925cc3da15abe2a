using Matrix.Benchmarks.Measures;
using Matrix.Host.Crypto;

namespace Matrix.Benchmarks.Rules;

/// <summary>
/// Measures the pure half: decisions, reading events, state resolution. Needs no server and no database.
/// </summary>
internal static class RulesRun
{
    /// <summary>Prints each measure with its target and its figure.</summary>
    public static IReadOnlyList<Outcome> Run(double scale, TextWriter output)
    {
        var outcomes = new List<Outcome>();
        void Add(Outcome outcome)
        {
            outcomes.Add(outcome);
            output.WriteLine(outcome);
        }

        var verification = Verification();
        output.WriteLine($"       one verification of an event of 1 KB takes {verification:0.0} us");
        Decisions(verification, Add);
        Resolutions(scale, Add);
        return outcomes;
    }

    private static double Verification()
    {
        var key = Ed25519Key.Generate();
        var message = new byte[900];
        var signature = key.Sign(message);
        return Timing.Microseconds(500, () => Ed25519.Verify(key.PublicKey, message, signature));
    }

    private static void Decisions(double verification, Action<Outcome> add)
    {
        var room = new DecidedRoom();
        add(Outcome.AtMost(
            "decision on a message, of a verification", 100.0 / 50,
            100 * Timing.Microseconds(20_000, room.DecideMessage) / verification, "%"));
        add(Outcome.AtMost("decision on a message, allocated", 0, Timing.Bytes(10_000, room.DecideMessage), "bytes"));
        add(Outcome.AtMost(
            "decision on a member event, of a verification", 300.0 / 50,
            100 * Timing.Microseconds(20_000, room.DecideJoin) / verification, "%"));
        add(Outcome.AtMost(
            "reading 1 KB, hashes, redaction, 3 decisions, of a verification", 25,
            100 * Timing.Microseconds(5_000, room.Receive) / verification, "%"));
    }

    private static void Resolutions(double scale, Action<Outcome> add)
    {
        var small = new MemberConflict(1_000);
        var big = new MemberConflict(100_000);

        // The first pass lets the compiler finish; otherwise the first measure would seem slower.
        var (inSmall, inBig) = (0.0, 0.0);
        for (var pass = 0; pass < 2; pass++)
        {
            inSmall = Timing.Microseconds(200, small.Resolve) / 1000 / scale;
            inBig = Timing.Microseconds(200, big.Resolve) / 1000 / scale;
        }

        add(Outcome.AtMost("resolving 2 states of 100,000 entries that differ in 10, scaled", 2, inBig, "ms"));
        add(Outcome.AtMost("the same, of the time with 1,000 entries", 1.5, inBig / inSmall, "times"));

        foreach (var version in (string[])["10", "12"])
        {
            var shared = new LongChain(version, isShared: true);
            add(Outcome.AtMost(
                $"1,000 conflicted events over 10,000 shared, version {version}, scaled", 150,
                Timing.Microseconds(1, shared.Resolve) / 1000 / scale, "ms"));
            var apart = new LongChain(version, isShared: false);
            add(Outcome.AtMost(
                $"1,000 conflicted events over 10,000 not shared, version {version}, scaled", 150,
                Timing.Microseconds(1, apart.Resolve) / 1000 / scale, "ms"));
        }
    }
}
