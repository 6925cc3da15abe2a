using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>
/// A part with rows of this server's devices. A row without a device is left out; the hidden devices, which stand for
/// cross-signing keys, are none.
/// </summary>
internal abstract class DeviceRowPart(string name, string title, string kind, params string[] tables)
    : TablePart(name, title, kind, [.. tables, "devices"])
{
    /// <summary>The join with the device of a row `t`.</summary>
    protected const string WithDevice =
        "LEFT JOIN devices d ON d.user_id = t.user_id AND d.device_id = t.device_id";

    /// <summary>The columns that say whether there is a device: the last two of a query.</summary>
    protected const string DeviceColumns = "d.device_id, d.hidden";

    /// <summary>Whether the row is one of a device.</summary>
    /// <param name="row">The row, whose key begins with the user and the device.</param>
    /// <param name="at">The first of <see cref="DeviceColumns"/>.</param>
    /// <param name="progress">Where a row without a device is left out.</param>
    protected bool HasDevice(ISourceRow row, int at, PartProgress progress)
    {
        if (!row.IsNull(at) && !row.Bool(at + 1)) return true;
        LeaveOut(row, progress, row.IsNull(at) ? "There is no such device." : "It is of a hidden device.");
        return false;
    }

    /// <summary>Leaves the row out, by its key.</summary>
    protected void LeaveOut(ISourceRow row, PartProgress progress, string reason) =>
        progress.LeaveOut(Kind, ResumeKey.Text(row, Begin), reason);
}
