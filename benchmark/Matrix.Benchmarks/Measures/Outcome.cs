using System.Globalization;

namespace Matrix.Benchmarks.Measures;

/// <summary>A measure, its target and its figure.</summary>
/// <param name="Name">What is measured.</param>
/// <param name="Target">The bound, as text.</param>
/// <param name="Figure">What it was.</param>
/// <param name="Unit">The figure's unit.</param>
/// <param name="Holds">Whether the target is met.</param>
internal sealed record Outcome(string Name, string Target, double Figure, string Unit, bool Holds)
{
    /// <summary>A figure that may be at most so much.</summary>
    public static Outcome AtMost(string name, double most, double figure, string unit) =>
        new(name, $"at most {Number(most)} {unit}", figure, unit, figure <= most);

    /// <summary>A figure that must be at least so much.</summary>
    public static Outcome AtLeast(string name, double least, double figure, string unit) =>
        new(name, $"at least {Number(least)} {unit}", figure, unit, figure >= least);

    public override string ToString() => $"{(Holds ? "ok   " : "SHORT")}  {Name,-62}  {Target,-22}  {Number(Figure)} {Unit}";

    private static string Number(double value) => value.ToString(value >= 100 ? "0" : value >= 10 ? "0.##" : "0.###", CultureInfo.InvariantCulture);
}
