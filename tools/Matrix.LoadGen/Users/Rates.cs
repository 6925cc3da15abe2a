using System.Globalization;
using System.Text.RegularExpressions;

namespace Matrix.LoadGen.Users;

/// <summary>What people have and how often they do something: the table of `docs/users-load.md`.</summary>
internal sealed partial class Rates
{
    private const double SecondsPerHour = 3600;

    private readonly Dictionary<string, double> _values = [];

    private Rates(string document)
    {
        foreach (var line in document.Split('\n'))
        {
            if (Row().Match(line) is not { Success: true } row) continue;
            _values.Add(row.Groups[1].Value, double.Parse(row.Groups[2].Value, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The published rates.</summary>
    public static Rates Published { get; } = new(ReadDocument());

    /// <summary>A value by its name.</summary>
    public double this[string name] => _values.TryGetValue(name, out var value) ? value
        : throw new InvalidDataException($"docs/users-load.md has no row '{name}'.");

    /// <summary>The share of time that a phone is looked at.</summary>
    public double ForegroundShare =>
        this["foreground-seconds"] / (this["foreground-seconds"] + this["background-seconds"]);

    /// <summary>How often an average person does something in a second of the busiest hour.</summary>
    public double PerSecond(string name) => this[name] * this["peak"] / SecondsPerHour;

    private static string ReadDocument()
    {
        using var stream = typeof(Rates).Assembly.GetManifestResourceStream("users-load.md")
            ?? throw new InvalidDataException("The document of the rates is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^\| `([a-z-]+)` \| ([0-9.]+) \|")]
    private static partial Regex Row();
}
