using System.Globalization;

namespace Matrix.Benchmarks.Measures;

/// <summary>A measure, its target and its figure.</summary>
/// <param name="Name">The measure's name.</param>
/// <param name="Target">The target in words; empty if there is none.</param>
/// <param name="Figure">The figure.</param>
/// <param name="Unit">The figure's unit.</param>
/// <param name="Holds">Whether the target is met; null if there is none.</param>
internal sealed record Outcome(string Name, string Target, double Figure, string Unit, bool? Holds)
{
    public static Outcome AtMost(string name, double most, double figure, string unit) =>
        new(name, $"at most {Number(most)} {unit}", figure, unit, figure <= most);

    public static Outcome AtLeast(string name, double least, double figure, string unit) =>
        new(name, $"at least {Number(least)} {unit}", figure, unit, figure >= least);

    /// <summary>A figure without a target.</summary>
    public static Outcome Reported(string name, double figure, string unit) => new(name, "", figure, unit, null);

    public override string ToString() => $"{Mark}  {Name,-84}  {Target,-22}  {Number(Figure)} {Unit}";

    private string Mark => Holds switch
    {
        true => "holds",
        false => "SHORT",
        null => "     ",
    };

    private static string Number(double value) =>
        value.ToString(value >= 100 ? "0" : value >= 10 ? "0.##" : "0.###", CultureInfo.InvariantCulture);
}
