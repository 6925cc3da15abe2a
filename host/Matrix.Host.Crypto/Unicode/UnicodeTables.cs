using System.Globalization;

namespace Matrix.Host.Crypto.Unicode;

/// <summary>The properties of characters, by code point; `tools/unicode/forms.py` makes their file.</summary>
internal sealed class UnicodeTables
{
    private readonly Dictionary<int, int> _classes = [];

    private UnicodeTables()
    {
    }

    /// <summary>Canonical decompositions of one step, except those of Hangul.</summary>
    internal Dictionary<int, int[]> Decompositions { get; } = [];

    /// <summary>Compatibility decompositions of one step.</summary>
    internal Dictionary<int, int[]> Compatible { get; } = [];

    /// <summary>Pairs that are composed, except those of Hangul.</summary>
    internal Dictionary<(int, int), int> Compositions { get; } = [];

    /// <summary>Full case foldings.</summary>
    internal Dictionary<int, int[]> Folds { get; } = [];

    /// <summary>The canonical combining class.</summary>
    internal int ClassOf(int point) => _classes.GetValueOrDefault(point);

    internal static UnicodeTables Read()
    {
        var type = typeof(UnicodeTables);
        using var reader = new StreamReader(type.Assembly.GetManifestResourceStream("unicode-forms.txt")!);
        var tables = new UnicodeTables();
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "C":
                    for (var point = Point(fields[1]); point <= Point(fields[2]); point++)
                    {
                        tables._classes[point] = int.Parse(fields[3], CultureInfo.InvariantCulture);
                    }

                    break;
                case "F":
                    tables.Folds[Point(fields[1])] = PointsOf(fields);
                    break;
                case "K":
                    tables.Compatible[Point(fields[1])] = PointsOf(fields);
                    break;
                case "D" or "X":
                    var parts = PointsOf(fields);
                    tables.Decompositions[Point(fields[1])] = parts;
                    if (fields[0] == "D") tables.Compositions[(parts[0], parts[1])] = Point(fields[1]);
                    break;
            }
        }

        return tables;
    }

    private static int[] PointsOf(string[] fields) => [.. fields.Skip(2).Select(Point)];

    private static int Point(string hex) => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
