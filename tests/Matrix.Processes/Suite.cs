using System.Diagnostics;

namespace Matrix.Processes;

/// <summary>Runs tests and counts those that pass and fail.</summary>
public sealed class Suite
{
    private int _passed;

    /// <summary>How many have failed.</summary>
    public int Failed { get; private set; }

    /// <summary>Runs a test, and prints how it ended.</summary>
    public async Task TestAsync(string sentence, Func<Task> test)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            await test();
            _passed++;
            Console.WriteLine($"ok      {sentence}  ({watch.Elapsed.TotalSeconds:0.0} s)");
        }
        catch (Exception problem) when (problem is not OutOfMemoryException)
        {
            Failed++;
            Console.WriteLine($"NOT OK  {sentence}  ({watch.Elapsed.TotalSeconds:0.0} s)");
            Console.WriteLine(problem is LostException ? problem.Message : problem.ToString());
        }
    }

    /// <summary>Prints the counts and returns the exit code.</summary>
    public int Finish()
    {
        Console.WriteLine($"{_passed} passed, {Failed} failed");
        return Failed == 0 ? 0 : 1;
    }
}

/// <summary>A test failed; the message says why.</summary>
public sealed class LostException(string message) : Exception(message)
{
    /// <summary>Throws if there are problems, with the first few in the message.</summary>
    public static void ThrowIfAny(IReadOnlyCollection<string> problems)
    {
        if (problems.Count > 0)
        {
            throw new LostException($"{problems.Count} problems, the first of them:{Environment.NewLine}  "
                + string.Join(Environment.NewLine + "  ", problems.Take(10)));
        }
    }
}
