"""One HTML file on a run for people who decide."""

from core.delivery.report.report import ReportSettings, write_report

__all__ = ["ReportSettings", "write_report"]
