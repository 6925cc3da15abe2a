using System.Text;

namespace Matrix.Host.Crypto.Unicode;

/// <summary>
/// Full case folding and normal forms. The runtime has no tables of Unicode normalization here
/// (`InvariantGlobalization`): its `Normalize` returns what it is given. These are read when they are first needed.
/// The Unicode Standard, 3.11 "Normalization Forms" and 3.13 "Default Case Algorithms".
/// </summary>
public static class UnicodeForms
{
    // Syllables of Hangul are computed from their parts.
    private const int FirstSyllable = 0xAC00;
    private const int FirstLead = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int BeforeTrails = 0x11A7;
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Trails = 28;

    private static readonly Lazy<UnicodeTables> _tables = new(UnicodeTables.Read);

    /// <summary>The text with its case folded, in one form for all texts that look and mean the same.</summary>
    public static string Fold(string text)
    {
        if (Ascii.IsValid(text)) return text.ToLowerInvariant();
        var tables = _tables.Value;
        var folded = new List<int>(text.Length);
        foreach (var point in Decompose(tables, PointsOf(text), isCompatible: false))
        {
            if (tables.Folds.TryGetValue(point, out var to)) folded.AddRange(to);
            else folded.Add(point);
        }

        return TextOf(Compose(tables, Decompose(tables, folded, isCompatible: false)));
    }

    /// <summary>
    /// The form NFKC. Code units that are no characters (halves of surrogate pairs) become U+FFFD.
    /// </summary>
    public static string Nfkc(string text)
    {
        if (Ascii.IsValid(text)) return text;
        var tables = _tables.Value;
        return TextOf(Compose(tables, Decompose(tables, PointsOf(text), isCompatible: true)));
    }

    private static IEnumerable<int> PointsOf(string text) => text.EnumerateRunes().Select(static rune => rune.Value);

    private static string TextOf(List<int> points)
    {
        var output = new StringBuilder(points.Count);
        foreach (var point in points) output.Append(new Rune(point).ToString());
        return output.ToString();
    }

    private static List<int> Decompose(UnicodeTables tables, IEnumerable<int> points, bool isCompatible)
    {
        var output = new List<int>();
        foreach (var point in points) Add(point);
        Sort(tables, output);
        return output;

        void Add(int point)
        {
            var syllable = point - FirstSyllable;
            if (syllable is >= 0 and < Leads * Vowels * Trails)
            {
                output.Add(FirstLead + (syllable / (Vowels * Trails)));
                output.Add(FirstVowel + (syllable / Trails % Vowels));
                if (syllable % Trails > 0) output.Add(BeforeTrails + (syllable % Trails));
            }
            else if (tables.Decompositions.TryGetValue(point, out var parts)
                || (isCompatible && tables.Compatible.TryGetValue(point, out parts)))
            {
                foreach (var part in parts) Add(part);
            }
            else
            {
                output.Add(point);
            }
        }
    }

    /// <summary>Puts the marks after each letter into the order of their classes.</summary>
    private static void Sort(UnicodeTables tables, List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, mark) = (points[i], tables.ClassOf(points[i]));
            if (mark == 0) continue;
            var at = i;
            while (at > 0 && tables.ClassOf(points[at - 1]) > mark)
            {
                points[at] = points[at - 1];
                at--;
            }

            points[at] = point;
        }
    }

    private static List<int> Compose(UnicodeTables tables, List<int> points)
    {
        var output = new List<int>(points.Count);
        var letter = -1;
        var before = 0;
        foreach (var point in points)
        {
            var mark = tables.ClassOf(point);
            var isNext = letter == output.Count - 1;
            if (letter >= 0 && (isNext || (before < mark && before != 0)) && ComposeTwo(tables, output[letter], point)
                is { } both)
            {
                output[letter] = both;
                continue;
            }

            if (mark == 0) letter = output.Count;
            before = mark;
            output.Add(point);
        }

        return output;
    }

    private static int? ComposeTwo(UnicodeTables tables, int first, int second)
    {
        var (lead, vowel) = (first - FirstLead, second - FirstVowel);
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
        {
            return FirstSyllable + (((lead * Vowels) + vowel) * Trails);
        }

        var (syllable, trail) = (first - FirstSyllable, second - BeforeTrails);
        if (syllable is >= 0 and < Leads * Vowels * Trails && syllable % Trails == 0 && trail is > 0 and < Trails)
        {
            return first + trail;
        }

        return tables.Compositions.TryGetValue((first, second), out var both) ? both : null;
    }
}
