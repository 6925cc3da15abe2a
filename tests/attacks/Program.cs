using System.Globalization;
using Matrix.Attacks;
using Matrix.Processes;

// The attackers are a process of their own, so that their priority is less than the server's.
if (args is ["attackers", var port, var token, var seconds, .. var targets])
{
    await Attackers.RunAsync(
        int.Parse(port, CultureInfo.InvariantCulture),
        token,
        TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)),
        new Targets(targets));
    return 0;
}

var time = TimeSpan.FromSeconds(args.Length > 0 && int.TryParse(args[0], CultureInfo.InvariantCulture, out var given)
    ? given
    : 600);
var failed = 0;
var passed = 0;
if (!args.Contains("--postgresql")) await RunAsync("SQLite", null);
if (!args.Contains("--sqlite"))
{
    using var postgres = new PostgresProcess(inMemory: true);
    await RunAsync("PostgreSQL", postgres.NewDatabase("attacks"));
}

Console.WriteLine($"{passed} passed, {failed} failed");
return failed == 0 ? 0 : 1;

async Task RunAsync(string database, string? url)
{
    foreach (var (sentence, problem) in await MemoryAttack.RunAsync(database, url, time))
    {
        if (problem is null) passed++;
        else failed++;
        Console.WriteLine(problem is null ? $"ok      {sentence}" : $"NOT OK  {sentence}: {problem}");
    }
}
