using System.Text;

namespace Matrix.LoadGen.Workloads;

/// <summary>Words that look like words: one for each number.</summary>
internal static class Words
{
    private static readonly string[] _syllables = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su"];

    /// <summary>Appends the word of a number: its digits are syllables.</summary>
    public static StringBuilder Append(StringBuilder to, int number)
    {
        for (var rest = number + 100; rest > 0; rest /= 10) to.Append(_syllables[rest % 10]);
        return to;
    }

    /// <summary>The word of a number.</summary>
    public static string Of(int number) => Append(new StringBuilder(), number).ToString();
}
