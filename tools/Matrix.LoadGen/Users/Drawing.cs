namespace Matrix.LoadGen.Users;

/// <summary>Draws from distributions. A seed gives the same draws at all times.</summary>
internal sealed class Drawing(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>Whether something of this probability happens.</summary>
    public bool Happens(double probability) => _random.NextDouble() < probability;

    /// <summary>A whole number below a bound.</summary>
    public int Below(int bound) => _random.Next(bound);

    /// <summary>A time with this mean, of something that happens at any moment alike.</summary>
    public double Exponential(double mean) => -mean * Math.Log(1 - _random.NextDouble());

    /// <summary>A log-normal factor with a median of one.</summary>
    public double LogNormal(double sigma)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
        return Math.Exp(sigma * normal);
    }

    /// <summary>A size with a heavy tail, between two bounds.</summary>
    public int Pareto(double least, double exponent, int most) =>
        (int)Math.Min(least * Math.Pow(1 - _random.NextDouble(), -1 / exponent), most);

    /// <summary>One of many, of which each is chosen half, a third, a fourth… as often as the first.</summary>
    public int Ranked(int count)
    {
        var sum = 0.0;
        for (var i = 1; i <= count; i++) sum += 1.0 / i;
        var at = _random.NextDouble() * sum;
        for (var i = 1; i < count; i++)
        {
            at -= 1.0 / i;
            if (at < 0) return i - 1;
        }

        return count - 1;
    }

    /// <summary>Different numbers below a bound.</summary>
    public int[] Different(int count, int below)
    {
        var chosen = new HashSet<int>();
        while (chosen.Count < count) chosen.Add(_random.Next(below));
        return [.. chosen];
    }

    /// <summary>Moments of something with a rate in a second, before an end.</summary>
    public IEnumerable<double> Moments(double perSecond, double end)
    {
        if (perSecond <= 0) yield break;
        for (var at = Exponential(1 / perSecond); at < end; at += Exponential(1 / perSecond)) yield return at;
    }
}
