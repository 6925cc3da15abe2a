namespace Matrix.Host.Cluster.Calls;

/// <summary>Wakes whoever looks into the table of silos.</summary>
internal sealed class Wakes
{
    /// <summary>Called when another node said something of itself.</summary>
    public event Action? Woken;

    public void Wake() => Woken?.Invoke();
}
